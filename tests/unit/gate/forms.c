/* Text for a test: each form in which the kernel writes a function, and what looks like one. */
#include <linux/kernel.h>

struct holder {
	void (*put)(struct holder *holder);
	struct_group(counts,
		int users;
	);
} __aligned(8);

enum holder_state { HOLDER_FREE, HOLDER_BUSY = 2 };

SYSCALL_DEFINE3(page_pin, unsigned long, start, size_t, len, unsigned int, flags)
{
	return do_pin(start, len, flags);
}

COMPAT_SYSCALL_DEFINE1(page_drop, compat_ulong_t, start)
{
	return do_drop(start);
}

SYSCALL_DEFINE0(page_sync)
{
	drain();
	return 0;
}

static __always_inline bool hold(struct page *page)
{
	return try_hold(page);
}

__visible noinline void __sched notrace wait_for_users(struct map *map)
{
	while (map->users)
		schedule();
}

static int __init __attribute__((cold)) map_init(void)
{
	return 0;
}

static void only_declared(int x) __attribute__((unused));
int __must_check
__cold late(struct map *map)
	__acquires(map->lock)
{
	lock(map);
	return 1;
}

DEFINE_FOO_OPS(ops, name_of_ops)
DEFINE_SHOW_ATTRIBUTE(thing);
static DEFINE_MUTEX(lock);

#define for_each_holder(p, map) \
	for (p = first(map); p; p = next(p, map))

#define simple_macro 17

BPF_CALL_2(bpf_hold, u64, a, u64, b)
{
	return a + b;
}

DEFINE_IDTENTRY(exc_hold)
{
	handle(regs);
}

asmlinkage long (*funny(int a))(int)
{
	return table[a];
}

static inline struct page *ptr_return(struct map *map)
{
	return map->page;
}

struct page **ptrptr(void)
{
	return 0;
}

#ifdef CONFIG_A
int twice(void) { return 1; }
#else
static inline int twice(void) { return 0; }
#endif

#ifdef CONFIG_B
static int split_head(int a)
#else
static int split_head(int a, int b)
#endif
{
	return a;
}

DEFINE_FREE(put_thing, struct thing *, if (_T) put(_T))

TRACE_EVENT(thing_done,
	TP_PROTO(int a),
	TP_ARGS(a),
	TP_printk("x")
);

static vm_fault_t do_it(struct vm_fault *vmf) __releases(vmf->ptl)
{
	return 0;
}

int broken_before(void)
{
	if (x {
		y();
	return 0;
}

int after_broken(void)
{
	return 1;
}

EXPORT_SYMBOL(after_broken);

PERCPU_FN(get)
PERCPU_FN(put)

int after_macro_without_semicolon(void)
{
	return 2;
}

DECLARE_RWSEM_OP(down_read, sem)(struct rw *sem)
{
	return 0;
}

void __lockfunc with_lockfunc(raw_spinlock_t *lock) __acquires(lock) { a(lock); }

static void list_each(struct list *l)
{
	list_for_each_entry(p, l, node) {
		foo(p);
	}
	scoped_guard(mutex, &m)
		bar();
	asm volatile(ALTERNATIVE("nop", "lock", X) : "=r" (a) : "m" (b));
}

const struct ops table = {
	.a = list_each,
};

module_init(map_init);

void (in_brackets)(struct map *map)
{
	drop(map); // a brace in a comment: {
	say("and one in a string: {", '{');
}

static __printf(1, 2) void says(const char *text, ...)
{
}

static int half_a_body(int a)
{
#ifdef CONFIG_C
	if (a) {
		a++;
#else
	if (!a) {
#endif
		a--;
	}
	return a;
}

#define two_lines(map) do { \
	if (map) {		\
		drop(map);	\
	}			\
} while (0)

#undef later
int last(void) { return ((struct { int a; }){ 1 }).a; }
