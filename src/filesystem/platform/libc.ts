import { createRequire } from 'node:module'
import { getSystemErrorMap } from 'node:util'

import { printable } from '#base'

/**
 * Calls into the C library, for what Node's `fs` lacks: extended attributes, holes, calls relative to an open folder.
 *
 * A file declares the functions that it needs, once, by their C prototypes; nothing is loaded until the first call.
 *
 * @example
 * const libc = libcFunctions({ mkfifoat: 'int mkfifoat(int folder, const void *name, uint32_t mode)' })
 * check(libc().mkfifoat(folder, cString(name), 0o600), 'mkfifoat', name)
 *
 * Types in prototypes: paths are `const void *` and are given as `cString(...)`; write `long` for `ssize_t` and
 * `off_t`, and `unsigned long` for `size_t`. A buffer is `void *`; null stands for a null pointer.
 */
export function libcFunctions<const Name extends string>(
  prototypes: Readonly<Record<Name, string>>,
): () => Readonly<Record<Name, LibcFunction>> {
  let bound: Record<Name, LibcFunction> | undefined
  return () => (bound ??= bind(prototypes))
}

/** Every function used here returns a whole number; those beyond 2^53 do not occur (offsets, counts, descriptors). */
export type LibcFunction = (...args: readonly (number | bigint | Uint8Array | null)[]) => number

/** True where `libcFunctions` can be used. */
export const hasLibc = process.platform === 'linux'

/** A failed call, in the shape of Node's own errors: `errno` is negative, `code` is its name. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly code: string
  readonly errno: number
  readonly syscall: string
  readonly path?: string

  /** `errno` as C has it (positive). */
  constructor(errno: number, syscall: string, path?: Uint8Array | string) {
    const [code, sentence] = describeErrno(errno)
    const shown = path === undefined ? undefined : printable(path, longestPathShown)
    super(`${code}: ${sentence}, ${syscall}${shown === undefined ? '' : ` '${shown}'`}`)
    this.code = code
    this.errno = -errno
    this.syscall = syscall
    if (shown !== undefined) this.path = shown
  }
}

const longestPathShown = 4096

/** Passes on what a libc function returned, or throws what `errno` says when that is negative. Call it at once. */
export function check(result: number, syscall: string, path?: Uint8Array | string): number {
  if (result < 0) throw new SystemError(lastErrno(), syscall, path)
  return result
}

/** `errno` of the last libc call of this thread (positive). */
export function lastErrno(): number {
  return load().errno()
}

/** The text that the pointer at the start of `memory` points to. The memory it lies in must still be alive. */
export function decodePointer(memory: Uint8Array): string {
  return load().decode(memory, 'const char *') as string
}

/**
 * Where memory lies, to be added to and passed as a pointer: making a view for each of many places costs more than the call.
 * The memory must stay alive and where it is, as that of WebAssembly that cannot grow does, and no place may lie beyond it.
 */
export function addressOf(memory: Uint8Array): number {
  const address = load().address(memory)
  if (address > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('an address of more than 53 bits')
  return Number(address)
}

/** `bytes` with the NUL that ends a string in C. Text is taken as UTF-8. */
export function cString(bytes: Uint8Array | string): Buffer {
  const text = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  // A NUL inside would make the kernel see another, shorter path than the one that was checked.
  if (text.includes(0)) throw new SystemError(errnos.EINVAL, 'path', text)
  const terminated = Buffer.allocUnsafe(text.length + 1)
  terminated.set(text)
  terminated[text.length] = 0
  return terminated
}

/** Numbers of Linux that are asked for by name (the same on all its architectures that Node runs on). */
export const errnos = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  ENOTSUP: 95,
} as const

function describeErrno(errno: number): readonly [code: string, sentence: string] {
  return getSystemErrorMap().get(-errno) ?? [`ERRNO_${errno}`, 'the system call failed']
}

type Koffi = typeof import('koffi')
let koffi: Koffi | undefined

function load(): Koffi {
  // Loaded on demand: koffi takes some ten milliseconds to load, which a command that touches no files need not pay.
  return (koffi ??= createRequire(import.meta.url)('koffi') as Koffi)
}

function bind<Name extends string>(prototypes: Readonly<Record<Name, string>>): Record<Name, LibcFunction> {
  // The process itself has the C library loaded, whichever it is (glibc, musl): no library name is needed.
  const self = load().load(null)
  const functions = {} as Record<Name, LibcFunction>
  for (const name of Object.keys(prototypes) as Name[]) functions[name] = self.func(prototypes[name]) as LibcFunction
  return functions
}
