// SPDX-License-Identifier: GPL-2.0-only
/*
 * tdx_sysrd: the TDX module's global metadata in /sys/kernel/debug/tdx_sysrd
 *
 *	fields	a line "ID VALUE STATUS" for each field, 16 hex digits each
 *	info	this module's version, and whether and why not it can read
 *
 * Every open file makes a walk of its own: TDH.SYS.RD gives one field and the
 * id of the next, from the first to the last. Nothing is kept between two
 * walks, nothing is written, and there is nothing to set.
 *
 * What keeps the host safe:
 *
 * - TDH.SYS.RD reads. It takes a field id, returns two numbers in registers,
 *   and is given no memory. No other SEAMCALL is in this file.
 * - The CPU's state is used as it is found. This module never executes VMXON,
 *   nor initializes anything: where the kernel did not, it refuses.
 * - A SEAMCALL may fault (#UD outside VMX root operation, #GP where SEAM is
 *   off). Both have an entry in the exception table and become a status.
 * - Preemption is off for each check of the CPU with the SEAMCALL behind it,
 *   and on between two. In that section the CPU can neither go offline nor
 *   leave VMX root operation, as both take a thread's turn on this CPU or, on
 *   the way down, end in #UD; nor can the TDX module be updated, which
 *   happens under stop_machine().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/cpufeature.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/version.h>
#include <asm/asm.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

/* Linux 6.16 to 6.18 let every GPL module ask whether TDX was initialized. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#include <asm/tdx.h>
#define KERNEL_TELLS
#endif

#define TDH_SYS_RD	34

/* All bits set, whatever stands in CONTEXT_CODE: before the first, and behind the last. */
#define NULL_ID		(~0ULL)
#define CONTEXT_CODE	GENMASK_ULL(54, 52)

/* Completion statuses. The lower half tells the operand, and does not matter here. */
#define FIRST_FIELD_ID	0x00000C0B00000000ULL
#define ENTROPY_LACKS	0x8000020300000000ULL	/* RND_NO_ENTROPY */
#define SYS_BUSY	0x8000020200000000ULL
#define NO_SUCH_FIELD	0xC0000C0000000000ULL	/* METADATA_FIELD_ID_INCORRECT */
#define NOT_READABLE	0xC0000C0200000000ULL	/* METADATA_FIELD_NOT_READABLE */

/* What the kernel calls a SEAMCALL that did not reach the module. */
#define SW_FAULT	0x8000FF0000000000ULL	/* with the vector in the lower half */
#define SW_NO_MODULE	0x8000FF00FFFF0000ULL
#define SW_NO_VMX	(SW_FAULT | 6)		/* #UD */
#define SW_NO_SEAM	(SW_FAULT | 13)		/* #GP */

/* The longest list of any known module has 364 fields. */
#define MOST_STEPS	4096
#define MOST_TRIES	10
#define LINE		51

struct answer {
	u64 status;
	u64 value;
	u64 next;
};

/* How far a walk came, and what stopped it. */
struct walk {
	u64 id;
	u64 status;
	unsigned int fields;
	const char *why;
};

struct refusal {
	u64 status;
	int error;
	const char *why;
};

static const struct refusal refusals[] = {
	{ SW_NO_VMX, -ENXIO,
	  "a CPU is not in VMX root operation: the kernel has not initialized TDX" },
	{ SW_NO_SEAM, -ENXIO, "the firmware has not enabled SEAM mode on a CPU" },
	{ SW_NO_MODULE, -ENXIO, "no TDX module is loaded" },
	{ 0xC000050200000000ULL, -ENXIO, "the kernel has not initialized the TDX module on a CPU" },
	{ 0xC000050500000000ULL, -ENXIO, "the TDX module is not ready" },
	{ 0xC000050600000000ULL, -ENXIO, "the TDX module is shut down" },
	{ 0xC000010000000000ULL, -EOPNOTSUPP, "the TDX module does not know TDH.SYS.RD" },
	{ SYS_BUSY, -EBUSY, "the TDX module is busy" },
	{ ENTROPY_LACKS, -EBUSY, "the processor has no random numbers for the TDX module" },
};

static int refuse(struct walk *walk, int error, const char *why)
{
	walk->why = why;
	return error;
}

static u64 without_details(u64 status)
{
	return status & GENMASK_ULL(63, 32);
}

static int refuse_by_status(struct walk *walk, u64 status)
{
	int i;

	walk->status = status;
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *known = &refusals[i];

		if (status == known->status || without_details(status) == known->status)
			return refuse(walk, known->error, known->why);
	}
	return refuse(walk, -EIO, "the TDX module answers with a status that is unknown here");
}

/*
 * What can be said before a SEAMCALL. 0, or an error that holds until reboot
 * (-ENODEV) or for now.
 *
 * Up to Linux 6.15 nobody keeps CPUs in VMX root operation for others: this
 * module would have to bring TDX up itself, and must not.
 *
 * From 6.16 to 7.0 KVM keeps them there while kvm_intel is loaded, from 7.1 on
 * the kernel itself while TDX is initialized. Each CPU is looked at before each
 * SEAMCALL. Where KVM keeps a CPU in VMX root operation although TDX failed,
 * the kernel says so up to 6.18. Later ones tell KVM alone, so there the TDX
 * module's own status decides: it refuses unless the kernel did
 * TDH.SYS.LP.INIT on this CPU, which is all that TDH.SYS.RD needs.
 */
static int refuse_by_kernel(struct walk *walk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
	return refuse(walk, -ENODEV, "Linux before 6.16 does not keep CPUs ready for this");
#else
	if (!boot_cpu_has(X86_FEATURE_TDX_HOST_PLATFORM))
		return refuse(walk, -ENODEV, "the kernel does not hold this machine for a TDX host");
#ifdef KERNEL_TELLS
	if (!tdx_get_sysinfo())
		return refuse(walk, -ENXIO, "the kernel has not initialized the TDX module");
#endif
	return 0;
#endif
}

/*
 * The kernel marks a CPU's caches as incoherent before every SEAMCALL, so that
 * kexec and CPU offlining flush lines of private memory, which would otherwise
 * be written back over memory that is no longer private. The mark,
 * cache_state_incoherent, is not exported, and is not set here. For TDH.SYS.RD
 * alone that is acceptable:
 *
 * - It touches no memory that the kernel gave the module. What it may leave
 *   dirty are lines of the module's own data in the SEAM range, which firmware
 *   reserves; the next kernel does not use that either. (Inferred from the
 *   public source of the module, not measured.)
 * - It only succeeds on a CPU where the kernel has made SEAMCALLs before
 *   (TDH.SYS.LP.INIT), and so set the mark. The kernel clears it when it takes
 *   the CPU out of use for TDX, and out of VMX root operation with it.
 */
static void seamcall_sys_rd(u64 id, struct answer *answer)
{
	u64 rax = TDH_SYS_RD, rcx = 0;
	register u64 r8 asm("r8") = 0;
	int faulted = 1;
	bool failed;

	/*
	 * CF is VMfailInvalid: there is no module. A fault goes on at 2: with its
	 * vector in RAX, past the MOV that says that there was none.
	 */
	asm volatile("1:	.byte 0x66, 0x0f, 0x01, 0xcf\n"	/* SEAMCALL */
		     "	mov	$0, %[faulted]\n"
		     "2:\n"
		     _ASM_EXTABLE_FAULT(1b, 2b)
		     : "+a" (rax), "+c" (rcx), "+d" (id), "+r" (r8),
		       [faulted] "+r" (faulted), "=@ccc" (failed)
		     : : "r9", "r10", "r11", "memory");

	answer->status = faulted ? SW_FAULT | rax : failed ? SW_NO_MODULE : rax;
	answer->value = r8;
	answer->next = id;
}

static void sys_rd_once(u64 id, struct answer *answer)
{
	preempt_disable();
	if (native_read_cr4() & X86_CR4_VMXE)
		seamcall_sys_rd(id, answer);
	else
		answer->status = SW_NO_VMX;
	preempt_enable();
}

static bool may_pass(u64 status)
{
	status = without_details(status);
	return status == ENTROPY_LACKS || status == SYS_BUSY;
}

static void sys_rd(u64 id, struct answer *answer)
{
	int tries = 0;

	sys_rd_once(id, answer);
	while (may_pass(answer->status) && ++tries < MOST_TRIES) {
		usleep_range(100, 200);
		sys_rd_once(id, answer);
	}
	cond_resched();
}

static bool is_null(u64 id)
{
	return (id | CONTEXT_CODE) == NULL_ID;
}

/* Fields come in the order of CLASS_CODE, then FIELD_CODE. */
static u64 position(u64 id)
{
	return (id & GENMASK_ULL(61, 56)) | (id & GENMASK_ULL(23, 0));
}

/* What tells one TDX module from another, and this module's fields that tell it. */
static const u64 identity_ids[] = {
	0x8800000200000001ULL,	/* BUILD_DATE */
	0x8800000100000002ULL,	/* BUILD_NUM */
	0x0800000100000003ULL,	/* MINOR_VERSION */
	0x0800000100000004ULL,	/* MAJOR_VERSION */
	0x0800000100000005ULL,	/* UPDATE_VERSION, not in old modules */
};

struct identity {
	struct { u64 status, value; } fields[ARRAY_SIZE(identity_ids)];
};

static int read_identity(struct walk *walk, struct identity *identity)
{
	struct answer answer = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(identity_ids); i++) {
		walk->id = identity_ids[i];
		sys_rd(walk->id, &answer);
		if (answer.status && without_details(answer.status) != NO_SUCH_FIELD)
			return refuse_by_status(walk, answer.status);
		identity->fields[i].status = answer.status;
		identity->fields[i].value = answer.status ? 0 : answer.value;
	}
	return 0;
}

/* Whether the module itself says of a field that it will not give it. */
static bool is_withheld(u64 status)
{
	status = without_details(status);
	return status == NO_SUCH_FIELD || status == NOT_READABLE;
}

/* All fields, to @out if there is one. One that is withheld ends the list with its status. */
static int walk_fields(struct seq_file *out, struct walk *walk)
{
	struct answer answer = {};

	walk->id = NULL_ID;
	sys_rd(walk->id, &answer);
	if (without_details(answer.status) != FIRST_FIELD_ID)
		return refuse_by_status(walk, answer.status);

	walk->id = answer.next;
	while (!is_null(walk->id)) {
		if (walk->fields == MOST_STEPS)
			return refuse(walk, -EIO, "the TDX module's list of fields does not end");
		if (fatal_signal_pending(current))
			return refuse(walk, -EINTR, "the reader was killed");

		sys_rd(walk->id, &answer);
		if (answer.status && !is_withheld(answer.status))
			return refuse_by_status(walk, answer.status);
		if (out)
			seq_printf(out, "%016llx %016llx %016llx\n", walk->id,
				   answer.status ? 0 : answer.value, answer.status);
		if (answer.status) {
			walk->status = answer.status;
			return 0;
		}

		walk->fields++;
		if (!is_null(answer.next) && position(answer.next) <= position(walk->id))
			return refuse(walk, -EIO, "the TDX module's list of fields does not go forward");
		walk->id = answer.next;
	}
	return 0;
}

/* A walk through one and the same TDX module: it may be updated between two SEAMCALLs. */
static int read_fields(struct seq_file *out, struct walk *walk)
{
	struct identity first, last;
	struct walk after = {};
	int error;

	error = refuse_by_kernel(walk);
	if (!error)
		error = read_identity(walk, &first);
	if (!error)
		error = walk_fields(out, walk);
	if (error)
		return error;

	error = read_identity(&after, &last);
	if (error) {
		*walk = after;
		return error;
	}
	if (memcmp(&first, &last, sizeof(first)))
		return refuse(walk, -EAGAIN, "the TDX module was replaced during the walk");
	return 0;
}

static int fields_show(struct seq_file *out, void *unused)
{
	struct walk walk = {};

	return read_fields(out, &walk);
}

static int info_show(struct seq_file *out, void *unused)
{
	struct walk walk = {};
	int error = read_fields(NULL, &walk);

	if (error == -EINTR)
		return error;
	seq_printf(out, "version: %s\n", TDX_SYSRD_VERSION);
	seq_printf(out, "source: %s\n", TDX_SYSRD_SOURCE);
	seq_printf(out, "reads: %s\n", error ? "no" : "yes");
	seq_printf(out, "fields: %u\n", walk.fields);
	if (error)
		seq_printf(out, "reason: %s\n", walk.why);
	if (walk.status)
		seq_printf(out, "status: %016llx at %016llx\n", walk.status, walk.id);
	return 0;
}

static int fields_open(struct inode *inode, struct file *file)
{
	/* Room for the longest list, so that seq_file does not walk again with more. */
	return single_open_size(file, fields_show, NULL, (MOST_STEPS + 1) * LINE + 1);
}

static const struct file_operations fields_fops = {
	.owner = THIS_MODULE,
	.open = fields_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

DEFINE_SHOW_ATTRIBUTE(info);

static struct dentry *folder;

static int __init tdx_sysrd_init(void)
{
	struct walk walk = {};
	int error = refuse_by_kernel(&walk);

	if (error)
		pr_info("cannot read: %s\n", walk.why);
	if (error == -ENODEV)
		return error;

	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("fields", 0400, folder, NULL, &fields_fops);
	debugfs_create_file("info", 0400, folder, NULL, &info_fops);
	return 0;
}

static void __exit tdx_sysrd_exit(void)
{
	debugfs_remove(folder);
}

module_init(tdx_sysrd_init);
module_exit(tdx_sysrd_exit);

MODULE_DESCRIPTION("Shows the TDX module's global metadata in debugfs");
MODULE_AUTHOR("The tdxinfo authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(TDX_SYSRD_VERSION "-" TDX_SYSRD_SOURCE);
