/* SPDX-License-Identifier: Apache-2.0 */
/* Linux capabilities (capabilities(7)): how a process gives all of them up, for good. */
#ifndef SERVER_CAPABILITIES_H
#define SERVER_CAPABILITIES_H

/* No program it executes could bring one back, and being root brings none. To be called while the
 * process may still change that; one that may not is left alone, which no_new_privs makes up for.
 * 0 or -errno. */
int capabilities_bar(void);
/* It has none any more, in any set. After a change of the user, which may need them. 0 or -errno.
 */
int capabilities_drop(void);

#endif
