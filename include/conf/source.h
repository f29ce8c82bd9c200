/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a configuration reads from outside: files, directory listings, environment variables,
 * resolved names. The master's `sources` asks the system and remembers every answer; the bundle
 * carries the answers; a worker's `sources` knows nothing else. So both build the same
 * configuration, and a worker never touches the file system. Answers are immutable and live as long
 * as the sources. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SOURCE_FILE_MAX (16u << 20) /* bytes of one file */

struct sources;
struct sources *sources_new_system(void); /* asks the system */
/* Knows only what sources_put() tells it; kinds "file", "glob" (lines) and "env" answer the
 * functions of that name. For tests and fuzzers. */
struct sources *sources_new_memory(void);
/* From what sources_save() wrote; -EINVAL when it is not that. Borrows nothing. */
int sources_load(struct slice saved, struct sources **ret_sources);
/* The same, but the answers are read where they are: no copy of a key is made, `saved` outlives the
 * sources, and nothing may be put into them. */
int sources_view(struct slice saved, struct sources **ret_sources);
void sources_free(struct sources *s); /* wipes the contents: keys are among them */
/* Appends to out in one piece. The bytes hold keys: the caller wipes them. */
void sources_save(const struct sources *s, struct buf *out);

/* A file's contents. 0 or -errno with words in `e` ("cannot read ...: No such file or directory");
 * a directory is -EISDIR. */
int sources_file(struct sources *s, const char *path, struct slice *ret_contents, struct err *e);
/* As sources_file(), for a file that may hold keys. */
int sources_secret(struct sources *s, const char *path, struct slice *ret_contents, struct err *e);
/* Wipes what sources_secret() gave; nobody may hold it any more. To read it again is -ENOKEY. */
void sources_forget_secrets(struct sources *s);
/* A digest of a file's contents, also of one that is forgotten. False: the file was never asked
 * for, or could not be read. */
bool sources_digest(const struct sources *s, const char *path, uint64_t *ret_digest);
/* Each file that was read and holds no keys, in the order they were asked for. */
void sources_each_file(const struct sources *s,
                       void (*see)(void *user, const char *path, struct slice contents),
                       void *user);
/* Paths that match a glob(7) pattern, sorted, one a line. 0 (also for none), or -errno. */
int sources_glob(struct sources *s, const char *pattern, struct slice *ret_lines);
/* An environment variable; false when it is unset. */
bool sources_env(struct sources *s, const char *name, struct slice *ret_value);
/* A fact somebody else found out, kept under a kind and a name, "name" and "app3.internal" say: put
 * by the master, read by everyone. A later one replaces an earlier one, which stays readable. */
void sources_put(struct sources *s, const char *kind, const char *name, struct slice value);
bool sources_get(const struct sources *s, const char *kind, const char *name,
                 struct slice *ret_value);

#endif
