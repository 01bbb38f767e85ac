/*
 * faults.h - the signal handlers of a job child: they add detail to a death that the kernel
 * decides.
 *
 * Z installs them once; children inherit handlers and the alternate stack. A record is only ever
 * detail: the wait status is the verdict.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "sandbox/base.h"

/*
 * Installs the SIGSYS handler (one STK_FRAME_DENIED and one STK_FRAME_FAULT, then a second denied
 * call, which kills) and the SEGV/BUS/ILL/FPE/ABRT handler (one STK_FRAME_FAULT, then the signal
 * again, by default action), both on an alternate stack and reporting to STK_SLOT_REPORT. 0, or -1
 * with errno.
 */
int stk_faults_catch(void);
/* Lets a denied fork() be named whatever libc blocks around it. In Z only, where it is denied. */
int stk_faults_name_forks(void);

#endif
