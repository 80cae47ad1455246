// SPDX-License-Identifier: GPL-2.0-only
/*
 * shaker: for the test bed alone. Changes what the kernel holds of TDX, all the
 * time, as a busy host does: TDs take KeyIDs and give them back, and the TDX
 * module is updated under stop_machine().
 *
 * The kernel exports none of these variables: their addresses are parameters.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/stop_machine.h>

#define MOST_KEYIDS	16
#define REST		100	/* milliseconds */

static ulong major, minor, update, pool;
static uint first, last;
module_param(major, ulong, 0400);
module_param(minor, ulong, 0400);
module_param(update, ulong, 0400);
module_param(pool, ulong, 0400);
module_param(first, uint, 0400);
module_param(last, uint, 0400);

static uint updates, keyids;
module_param(updates, uint, 0400);
module_param(keyids, uint, 0400);
MODULE_PARM_DESC(updates, "how often the version was changed");
MODULE_PARM_DESC(keyids, "how many KeyIDs were taken");

/* Versions that share no number in any place, so that a mixture of two is seen. */
static const u16 versions[][3] = { { 1, 5, 25 }, { 2, 0, 18 } };

static struct task_struct *thread;
static int taken[MOST_KEYIDS];

static int set_version(void *version)
{
	const u16 *numbers = version;

	*(u16 *)major = numbers[0];
	*(u16 *)minor = numbers[1];
	*(u16 *)update = numbers[2];
	return 0;
}

static void change_keyid(unsigned int number)
{
	if (taken[number] > 0) {
		ida_free((struct ida *)pool, taken[number]);
		taken[number] = 0;
		return;
	}
	taken[number] = ida_alloc_range((struct ida *)pool, first, last, GFP_KERNEL);
	keyids++;
}

static int shake(void *unused)
{
	unsigned int step;

	for (step = 0; !kthread_should_stop(); step++) {
		change_keyid(step * 7 % MOST_KEYIDS);
		if (step % 16 == 0) {
			stop_machine(set_version, (void *)versions[updates % 2], NULL);
			updates++;
		}
		msleep(REST);
	}
	return 0;
}

static int __init shaker_init(void)
{
	if (!major || !minor || !update || !pool)
		return -EINVAL;
	thread = kthread_run(shake, NULL, KBUILD_MODNAME);
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit shaker_exit(void)
{
	unsigned int number;

	kthread_stop(thread);
	for (number = 0; number < MOST_KEYIDS; number++)
		if (taken[number] > 0)
			change_keyid(number);
}

module_init(shaker_init);
module_exit(shaker_exit);

MODULE_DESCRIPTION("Changes the kernel's TDX variables, for a test");
MODULE_AUTHOR("The tdxinfo authors");
MODULE_LICENSE("GPL");
