/* SPDX-License-Identifier: Apache-2.0 */
#include "server/identity.h"

#include "base/mem.h"
#include "server/capabilities.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* There when a leak checker is linked into the program (a test build), else NULL. */
/* NOLINTNEXTLINE(readability-identifier-naming): the checker's own name */
extern void __lsan_do_leak_check(void) __attribute__((weak));

static int find_user(struct slice user, struct identity *id, struct err *e)
{
    char *name = mem_text(user);
    const struct passwd *entry = getpwnam(name);
    mem_free(name);
    if (entry == NULL)
        return err_set(e, -ENOENT, "there is no user \"%.*s\" on this system", SLICE_ARG(user));
    id->uid = entry->pw_uid;
    id->gid = entry->pw_gid;
    return 0;
}

static int find_group(struct slice group, struct identity *id, struct err *e)
{
    char *name = mem_text(group);
    const struct group *entry = getgrnam(name);
    mem_free(name);
    if (entry == NULL)
        return err_set(e, -ENOENT, "there is no group \"%.*s\" on this system", SLICE_ARG(group));
    id->gid = entry->gr_gid;
    return 0;
}

int identity_find(struct slice user, struct slice group, struct identity *ret_id, struct err *e)
{
    struct identity id = { .change = geteuid() == 0 && user.len > 0 };
    if (id.change) {
        int r = find_user(user, &id, e);
        if (r == 0 && group.len > 0)
            r = find_group(group, &id, e);
        if (r < 0)
            return r;
    }
    *ret_id = id;
    return 0;
}

static int change_ids(const struct identity *id)
{
    if (setgroups(0, NULL) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
        setresuid(id->uid, id->uid, id->uid) < 0)
        return -errno;
    return 0;
}

int identity_become(const struct identity *id, struct err *e)
{
    int r = capabilities_bar();
    if (r < 0)
        return err_set(e, r, "cannot give up capabilities for good: %s", strerror(-r));
    r = id->change ? change_ids(id) : 0;
    if (r < 0)
        return err_set(e, r, "cannot become user %u, group %u: %s", id->uid, id->gid, strerror(-r));
    r = capabilities_drop();
    if (r < 0)
        return err_set(e, r, "cannot give up capabilities: %s", strerror(-r));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(e, -errno, "cannot set no_new_privs: %s", strerror(errno));
    /* Changing the user made the process undumpable, which keeps others of that user out; a leak
     * checker has to attach to it. */
    if (__lsan_do_leak_check != NULL)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return 0;
}
