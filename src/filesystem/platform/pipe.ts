import fs from 'node:fs'

import { FilesystemError } from '../errors.ts'
import { check, errnos, hasLibc, lastErrno, libcFunctions, SystemError } from './libc.ts'

const libc = libcFunctions({
  pipe2: 'int pipe2(void *descriptors, int flags)',
  poll: 'int poll(void *descriptors, unsigned long count, int milliseconds)',
  read: 'long read(int fd, void *into, unsigned long size)',
})

const O_CLOEXEC = 0o2000000

/** A pipe that no process inherits unasked. */
export function makePipe(): { readonly reading: number; readonly writing: number } {
  if (!hasLibc)
    throw new FilesystemError('SYSTEM_UNSUPPORTED', { what: 'Backing up a command', system: process.platform })
  const descriptors = new Int32Array(2)
  check(libc().pipe2(new Uint8Array(descriptors.buffer), O_CLOEXEC), 'pipe2')
  return { reading: descriptors[0] as number, writing: descriptors[1] as number }
}

/**
 * Reads what there is, waiting for at least one byte; 0 at the end. For threads: it waits in short steps, because a
 * thread that sits in `read` can be neither ended nor interrupted, and would keep the process from ending on Ctrl-C. It is
 * the end, too, when `isGivenUp` says so while there is nothing: whoever holds the other end may never let go of it.
 */
export function readPipe(fd: number, into: Uint8Array, isGivenUp: () => boolean = () => false): number {
  if (!hasLibc) return fs.readSync(fd, into)
  for (;;) {
    if (!waitForData(fd, isGivenUp)) return 0
    const count = libc().read(fd, into, into.length)
    if (count >= 0) return count
    const errno = lastErrno()
    // EAGAIN: another process that shares the descriptor has made it non-blocking, and was faster.
    if (errno !== errnos.EINTR && errno !== errnos.EAGAIN) throw new SystemError(errno, 'read')
  }
}

/** That the other end is closed (POLLHUP) is told without asking. */
const POLLIN = 1
const step = 100

function waitForData(fd: number, isGivenUp: () => boolean): boolean {
  const request = Buffer.alloc(8)
  request.writeInt32LE(fd, 0)
  request.writeInt16LE(POLLIN, 4)
  // A negative answer is EINTR or a descriptor that cannot be polled: `read` says the rest.
  while (libc().poll(request, 1, step) === 0) if (isGivenUp()) return false
  return true
}
