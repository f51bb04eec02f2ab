// SPDX-License-Identifier: GPL-2.0
// Marks each granule of a watched disk that a completed write, discard or zeroing touched, and counts its bytes.
// Marked at completion: marked at issue, a granule could be taken and read before the write lands.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define KERNEL __attribute__((preserve_access_index))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct gendisk { int major; int first_minor; char disk_name[32]; } KERNEL;
struct request_queue { struct gendisk *disk; } KERNEL;                               // from 5.15 on
struct request { struct request_queue *q; unsigned int cmd_flags; unsigned long long __sector; } KERNEL;
struct request___old { struct gendisk *rq_disk; } KERNEL;                            // up to 5.14

#define COPIES 3
#define EVENT_BITS 10
#define EVENTS (1 << EVENT_BITS)
#define COARSE_SHIFT 8
#define FINE_MOST (1 << COARSE_SHIFT)
#define COARSE_MOST (2 * FINE_MOST)                                                  // a request has less than 4 GiB
#define FIRST_DRIVER_OP 34                                                           // REQ_OP_DRV_IN
#define HIDDEN_PATHS_MAJOR 259

struct disk { u64 first, granules; u32 shift, unused; u64 bytes[COPIES], once, passthrough, outside; };
struct control { volatile u32 slot; u32 unused; u64 slot_bytes, coarse_first; };
struct name { char c[16]; };
struct event { u64 request; u32 copy, unused; };

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 256); __type(key, u32); __type(value, struct disk); } disks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 256); __type(key, u32); __type(value, u32); } numbers SEC(".maps");
// The paths of a multipath NVMe disk (nvme0c1n1) have no device number that user space could see.
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 256); __type(key, struct name); __type(value, u32); } paths SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, 1); __type(key, u32); __type(value, struct control); } control SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, 1); __type(key, u32); __type(value, u64); } seen SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, EVENTS); __type(key, u32); __type(value, struct event); } events SEC(".maps");

static __always_inline struct gendisk *disk_of(struct request *rq) {
    if (bpf_core_field_exists(struct request_queue, disk)) return rq->q->disk;
    return ((struct request___old *)rq)->rq_disk;
}

static __always_inline struct disk *watched(struct gendisk *g) {
    u32 number = (u32)g->major << 20 | (u32)g->first_minor;
    u32 *at = bpf_map_lookup_elem(&numbers, &number);
    if (!at && g->major == HIDDEN_PATHS_MAJOR) {
        struct name n = {};
        #pragma unroll
        for (int i = 0; i < 15; i++) n.c[i] = g->disk_name[i];
        at = bpf_map_lookup_elem(&paths, &n);
    }
    return at ? bpf_map_lookup_elem(&disks, at) : 0;
}

static __always_inline void put(u64 at) {
    u32 word = at >> 3;
    u8 *w = bpf_map_lookup_elem(&seen, &word);
    if (w) *(volatile u8 *)(w + (at & 7)) = 1;
}

static __always_inline void mark(struct disk *d, u64 from, u64 to) {
    u32 zero = 0;
    struct control *c = bpf_map_lookup_elem(&control, &zero);
    if (!c) return;
    u64 slot = (u64)(c->slot & 1) * c->slot_bytes;
    if (to - from < FINE_MOST) {
        for (u32 i = 0; i < FINE_MOST; i++) { if (from + i > to) break; put(slot + d->first + from + i); }
        return;
    }
    from >>= COARSE_SHIFT; to >>= COARSE_SHIFT;
    slot += c->coarse_first + (d->first >> COARSE_SHIFT);
    for (u32 i = 0; i < COARSE_MOST; i++) { if (from + i > to) break; put(slot + from + i); }
}

// Whether this is the first copy that sees this completion. Copies run one after the other on one CPU, but other
// completions may come between them, each in a place of its own; two in one place are counted twice, which is noticed.
static __always_inline int first(struct request *rq, u32 copy) {
    u64 request = 0;                                                                 // a number, not a pointer
    bpf_probe_read_kernel(&request, sizeof(request), &rq);
    u32 at = (request * 0x9e3779b97f4a7c15) >> (64 - EVENT_BITS);
    struct event *last = bpf_map_lookup_elem(&events, &at);
    if (!last) return 0;
    int same = last->request == request && last->copy < copy;
    last->request = request; last->copy = copy;
    return !same;
}

static __always_inline int completed(struct request *rq, unsigned int bytes, int copy) {
    u32 op = rq->cmd_flags & 255;
    if (!(op & 1)) return 0;                                                         // reads, flushes
    struct disk *d = watched(disk_of(rq));
    if (!d) return 0;
    if (op >= FIRST_DRIVER_OP) { __sync_fetch_and_add(&d->passthrough, 1); return 0; }
    if (!bytes) return 0;
    __sync_fetch_and_add(&d->bytes[copy], bytes);
    if (first(rq, copy)) __sync_fetch_and_add(&d->once, bytes);
    u64 from = rq->__sector >> d->shift, to = (rq->__sector + ((bytes - 1) >> 9)) >> d->shift;
    if (to >= d->granules) { __sync_fetch_and_add(&d->outside, 1); to = d->granules - 1; if (from > to) return 0; }
    mark(d, from, to);
    return 0;
}

// From 6.1 on a program that runs already on this CPU is skipped (a hard IRQ over a soft IRQ over a task): of three
// copies one is free at the third level of nesting.
#define COPY(n) SEC("tp_btf/block_rq_complete") int BPF_PROG(completed##n, struct request *rq, int error, unsigned int bytes) { return completed(rq, bytes, n); }
COPY(0) COPY(1) COPY(2)
char LICENSE[] SEC("license") = "GPL";
