/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock (landlock(7)): this process opens nothing in the file system any more. What is open
 * stays usable. */
#ifndef SERVER_LANDLOCK_H
#define SERVER_LANDLOCK_H

/* The version of the running kernel's interface, from 1; 0: there is none, or it is off. */
int landlock_abi(void);
/* Gives up every right that `abi` knows and a worker does not need, for good; no_new_privs is set.
 * 0 or -errno. */
int landlock_enter(int abi);

#endif
