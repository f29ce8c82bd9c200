/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that does as a test says: the test's own program, which the master's code under test
 * executes as one. What it is told it writes to a file, a line a message. */
#ifndef TEST_FAKE_WORKER_H
#define TEST_FAKE_WORKER_H

/* How workers of this number behave that start from now on, in one word:
 *   "good"      as they should
 *   "cannot"    prepares nothing, and says why
 *   "mute"      prepares, and never answers
 *   "late"      answers for a former generation first
 *   "falls"     ends with exit code 9 when it is to prepare
 *   "slow"      takes its time to start
 *   "hangs"     turns its loop no more once it is ready
 *   "future"    so do its stamps say, which lie ahead
 *   "babbles"   sends what is no message, again and again
 *   "shouts"    says that it is ready, again and again
 *   "stays"     never ends because it is told to drain */
void fake_worker_behave(unsigned number, const char *how);
/* Where they write: "w0 start generation=1 fds=4 of=0". */
void fake_worker_report(const char *path);
/* The first thing in main(): -1, or this is one and has ended with an exit code. */
int fake_worker_main(int argc, char **argv);

#endif
