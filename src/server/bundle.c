/* SPDX-License-Identifier: Apache-2.0 */
#include "server/bundle.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "SIGNET-B";

#define BUNDLE_VERSION 1u
#define BUNDLE_SEALS   (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define BUNDLE_MAX     (1024ul * 1024 * 1024)
#define PATH_MAX_BYTES 4096u

/* In front of the path and the sources, in the machine's own byte order: it never leaves it. */
struct wire {
    char magic[8];
    uint32_t version, path_len;
    uint64_t sources_len;
    uint32_t change, uid, gid, reserved;
    unsigned char ticket_secret[TLS_TICKET_SECRET_BYTES];
};

static int write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int bundle_write(int fd, const struct bundle *b)
{
    struct wire wire = {
        .version = BUNDLE_VERSION,
        .path_len = (uint32_t)b->config_path.len,
        .sources_len = b->sources.len,
        .change = b->identity.change,
        .uid = b->identity.uid,
        .gid = b->identity.gid,
    };
    memcpy(wire.magic, magic, sizeof(magic));
    memcpy(wire.ticket_secret, b->ticket_secret, sizeof(wire.ticket_secret));
    int r = write_all(fd, &wire, sizeof(wire));
    mem_wipe(&wire, sizeof(wire));
    if (r == 0)
        r = write_all(fd, b->config_path.ptr, b->config_path.len);
    if (r == 0)
        r = write_all(fd, b->sources.ptr, b->sources.len);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS) < 0)
        r = -errno;
    return r;
}

int bundle_make(const struct bundle *b, int *ret_fd)
{
    if (b->config_path.len > PATH_MAX_BYTES || b->sources.len > BUNDLE_MAX / 2)
        return -E2BIG;
    int fd = memfd_create("signet-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = bundle_write(fd, b);
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int bundle_parse(struct slice bytes, struct bundle *ret_b, struct err *e)
{
    struct wire wire;
    if (bytes.len < sizeof(wire))
        return err_set(e, -EINVAL, "the bundle is cut");
    memcpy(&wire, bytes.ptr, sizeof(wire));
    if (memcmp(wire.magic, magic, sizeof(magic)) != 0)
        return err_set(e, -EINVAL, "this is not a bundle");
    if (wire.version != BUNDLE_VERSION)
        return err_set(e, -EINVAL, "a bundle of version %u, not %u", wire.version, BUNDLE_VERSION);

    struct slice rest = slice_from(bytes, sizeof(wire));
    if (wire.path_len > PATH_MAX_BYTES || wire.path_len > rest.len ||
        wire.sources_len != rest.len - wire.path_len)
        return err_set(e, -EINVAL, "the bundle's lengths do not add up");
    ret_b->config_path = slice_first(rest, wire.path_len);
    ret_b->sources = slice_from(rest, wire.path_len);
    ret_b->identity = (struct identity){ wire.change != 0, wire.uid, wire.gid };
    memcpy(ret_b->ticket_secret, wire.ticket_secret, sizeof(ret_b->ticket_secret));
    mem_wipe(&wire, sizeof(wire));
    return 0;
}

static int map_sealed(int fd, struct slice *ret_bytes, struct err *e)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & BUNDLE_SEALS) != BUNDLE_SEALS || fstat(fd, &st) < 0 ||
        st.st_size <= 0 || (size_t)st.st_size > BUNDLE_MAX)
        return err_set(e, -EINVAL, "the bundle is not a sealed memfd");
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return err_set(e, -errno, "cannot map the bundle: %s", strerror(errno));
    madvise(at, (size_t)st.st_size, MADV_DONTDUMP); /* private keys are in it */
    *ret_bytes = slice_of(at, (size_t)st.st_size);
    return 0;
}

int bundle_map(int fd, struct bundle *ret_b, struct slice *ret_bytes, struct err *e)
{
    struct slice bytes = { 0 };
    int r = map_sealed(fd, &bytes, e);
    close(fd);
    if (r < 0)
        return r;
    r = bundle_parse(bytes, ret_b, e);
    if (r < 0) {
        bundle_unmap(bytes);
        return r;
    }
    *ret_bytes = bytes;
    return 0;
}

void bundle_unmap(struct slice bytes)
{
    if (bytes.ptr != NULL)
        munmap((void *)bytes.ptr, bytes.len);
}
