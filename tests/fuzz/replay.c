/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of the folders given as arguments (or over files themselves),
 * so that each crash once found stays a test. */
#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int replay_file(const char *path)
{
    struct buf contents;
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return -errno;
    buf_init(&contents);
    size_t n;
    while ((n = fread(buf_reserve(&contents, 4096), 1, 4096, f)) > 0)
        buf_commit(&contents, n);
    fclose(f);
    /* A block of exactly this size: one byte read too far is found. */
    size_t len = buf_len(&contents);
    uint8_t *exact = malloc(len > 0 ? len : 1);
    if (exact == NULL)
        abort();
    if (len > 0)
        memcpy(exact, buf_view(&contents).ptr, len);
    buf_done(&contents);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Returns how many files ran, or -errno. */
static int replay(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, not_hidden, alphasort);

    if (count < 0 && errno == ENOTDIR) {
        int r = replay_file(path);
        return r < 0 ? r : 1;
    }
    if (count < 0)
        return -errno;
    int r = 0;
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (r == 0)
            r = replay_file(file);
        free(entries[i]);
    }
    free(entries);
    return r < 0 ? r : count;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int r = replay(argv[i]);
        if (r < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
            return 1;
        }
        total += r;
    }
    printf("%d inputs\n", total);
    return total > 0 ? 0 : 1;
}
