/* One search in one process: start, search, tell the result, then answer which runs lead there.
 *
 * Ends when its input does, and dies with the process that started it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "compare.h"
#include "disk.h"
#include "pool.h"
#include "promise.h"
#include "search.h"
#include "wire.h"
#include "witness.h"

static int fail(const char *text)
{
    wire_send(RECORD_ERROR, text, strlen(text), NULL, 0);
    return 1;
}

static void die_with_parent(const char *parent)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It may have gone before that call. */
    if (parent && getppid() != (pid_t)atol(parent))
        _exit(1);
#else
    (void)parent;
#endif
}

/* Memory is counted where it is taken; this stands behind it. A table that grows needs room for
 * two, though only one of them has pages. */
static void guard_address_space(uint64_t max_memory)
{
#ifndef ZD_SANITIZED
    const struct rlimit limit = {3 * max_memory + ((rlim_t)1 << 30),
                                 3 * max_memory + ((rlim_t)1 << 30)};
    if (max_memory && max_memory < (uint64_t)1 << 44)
        setrlimit(RLIMIT_AS, &limit);
#else
    (void)max_memory;
#endif
}

static bool say_hello(void)
{
    const uint32_t head[4] = {WIRE_VERSION, ZD_WORDS, zd_model.actions, 0};
    return wire_send(RECORD_HELLO, head, sizeof head, &zd_model.key, sizeof zd_model.key);
}

static bool say_result(const struct search *s)
{
    const uint32_t actions = zd_model.actions;
    const size_t bytes = actions * (sizeof(uint64_t) + sizeof(uint32_t)) +
                         (zd_model.watches + zd_model.edges) * sizeof(uint32_t);
    uint64_t *fired = calloc(1, bytes + 1);
    if (!fired)
        return fail("no memory for the result"), false;
    uint32_t *first = (uint32_t *)(fired + actions);
    for (uint32_t a = 0; a < actions; a++) {
        first[a] = NEVER;
        for (unsigned i = 0; s->workers && i < s->worker_count && s->workers[i].fired; i++) {
            fired[a] += s->workers[i].fired[a];
            if (s->workers[i].first_fired[a] < first[a])
                first[a] = s->workers[i].first_fired[a];
        }
    }
    uint32_t *next = first + actions;
    for (uint32_t i = 0; i < zd_model.watches; i++)
        *next++ = s->watch_depth ? atomic_load(&s->watch_depth[i]) : NEVER;
    for (uint32_t i = 0; i < zd_model.edges; i++)
        *next++ = s->edge_depth ? atomic_load(&s->edge_depth[i]) : NEVER;
    const bool sent = wire_send(RECORD_RESULT, &s->result, sizeof s->result, fired, bytes);
    free(fired);
    return sent;
}

static bool answer(struct search *s, const void *body, uint32_t bytes)
{
    struct target target;
    struct run run = {0};
    if (bytes < sizeof target)
        return fail("a witness record is too short"), false;
    memcpy(&target, body, sizeof target);
    if ((bytes - sizeof target) / sizeof(uint32_t) < target.count)
        return fail("a witness record is too short"), false;
    const enum limit limit = witness(s, &target, (const uint32_t *)body + 4, &run);
    const uint32_t head[3] = {limit, run.initial, run.length};
    const size_t length = run.length == NEVER ? 0 : run.length;
    const bool sent = wire_send(RECORD_RUN, head, sizeof head, run.actions, length * sizeof(uint32_t));
    free(run.actions);
    return sent;
}

static bool judge(struct search *s, const void *body, uint32_t bytes)
{
    uint32_t promise;
    if (bytes < sizeof promise)
        return fail("a promise record is too short"), false;
    memcpy(&promise, body, sizeof promise);
    if (promise >= zd_model.promises || s->result.outcome != OUTCOME_COMPLETE)
        return fail("there is no such promise to judge"), false;
    uint32_t *actions;
    const struct promised promised = promise_check(s, promise, &actions);
    const size_t count = (size_t)promised.stem + promised.loop;
    const bool sent = wire_send(RECORD_PROMISED, &promised, sizeof promised, actions,
                                actions ? count * sizeof *actions : 0);
    free(actions);
    return sent;
}

/* The state graph is the same for both directions, so it is made once. */
static bool compare_sides(struct search *s, const void *body, uint32_t bytes)
{
    static struct comparer comparer;
    static uint64_t mask[ZD_WORDS];
    struct comparison comparison;
    if (bytes < sizeof comparison + sizeof mask)
        return fail("a comparison record is too short"), false;
    memcpy(&comparison, body, sizeof comparison);
    memcpy(mask, (const char *)body + sizeof comparison, sizeof mask);
    if (comparison.split > s->start.initial_states || s->result.outcome != OUTCOME_COMPLETE)
        return fail("there is nothing to compare"), false;
    uint32_t *actions;
    const struct compared compared = compare(&comparer, s, &comparison, mask, &actions);
    const bool sent = wire_send(RECORD_COMPARED, &compared, sizeof compared, actions,
                                compared.length * sizeof *actions);
    free(actions);
    return sent;
}

/* So many visited states, evenly from all depths; all of them if there are fewer. */
static bool sample(const struct search *s, const void *body, uint32_t bytes)
{
    uint32_t wanted;
    size_t all = 0, sent = 0, at = 0;
    if (bytes < sizeof wanted)
        return fail("a sample record is too short"), false;
    memcpy(&wanted, body, sizeof wanted);
    for (unsigned w = 0; w < s->levels.workers; w++)
        all += s->levels.lists[w].count;
    const size_t count = wanted < all ? wanted : all;
    const size_t size = ZD_WORDS * sizeof(uint64_t);
    char *states = malloc(count * size + 1);
    if (!states)
        return fail("no memory for a sample"), false;
    for (unsigned w = 0; w < s->levels.workers; w++)
        for (size_t i = 0; i < s->levels.lists[w].count; i++, at++)
            if (sent < count && at == (size_t)((unsigned __int128)sent * all / count)) {
                memcpy(states + sent * size, levels_state(&s->levels, w, i), size);
                sent++;
            }
    const bool ok = wire_send(RECORD_STATES, NULL, 0, states, sent * size);
    free(states);
    return ok;
}

/* Whoever started us has looked at the directory; something may have happened since. */
static bool spill_to(const char *name, uint32_t bytes)
{
    char text[600], directory[512] = "";
    signal(SIGXFSZ, SIG_IGN); /* a file that is too large is a full disk */
    if (bytes < sizeof directory)
        memcpy(directory, name, bytes);
    if (bytes < sizeof directory && disk_open(directory))
        return true;
    snprintf(text, sizeof text, "cannot make a file in %s: %s", directory, strerror(errno));
    return fail(text), false;
}

static int serve(struct search *s, const void *body, uint32_t bytes)
{
    struct start start;
    if (bytes < sizeof start)
        return fail("the start record is too short");
    memcpy(&start, body, sizeof start);
    const uint64_t *initial = (const uint64_t *)((const char *)body + sizeof start);
    const size_t states = (size_t)start.initial_states * ZD_WORDS;
    size_t words = states;
#ifdef ZD_COMPACT
    words += 2 * KEY_COEFFICIENTS;
#endif
    if ((bytes - sizeof start) / sizeof(uint64_t) < words ||
        bytes - sizeof start - words * sizeof(uint64_t) < start.spill)
        return fail("the start record is too short");
    memcpy(key_coefficients, initial + states, (words - states) * sizeof(uint64_t));
    if (start.spill == 0)
        guard_address_space(start.max_memory);
    else if (!spill_to((const char *)(initial + words), start.spill))
        return 1;
    if (!search_make(s, &start, initial))
        return say_result(s) ? 0 : 1;
    if (!pool_start(s->worker_count))
        return fail("the system gives it no threads");
    search_run(s);
    if (!say_result(s))
        return 1;
    uint32_t type, length;
    void *request;
    while (wire_receive(&type, &request, &length)) {
        bool sent = false;
        if (type == RECORD_WITNESS)
            sent = answer(s, request, length);
        else if (type == RECORD_PROMISE)
            sent = judge(s, request, length);
        else if (type == RECORD_SAMPLE)
            sent = sample(s, request, length);
        else if (type == RECORD_COMPARE)
            sent = compare_sides(s, request, length);
        free(request);
        if (!sent)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct search search;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* the caller hears Ctrl-C too, and decides */
    die_with_parent(argc > 1 ? argv[1] : NULL);
    uint32_t type, bytes;
    void *body;
    if (!say_hello() || !wire_receive(&type, &body, &bytes))
        return 1;
    const int status =
        type == RECORD_START ? serve(&search, body, bytes) : fail("no start record");
    search_drop(&search);
    free(body);
    return status;
}
