import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, join, resolve as resolvePath } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { messageOf } from '#base'
import { PreviewError } from './errors.ts'
import type { PreviewLimits } from './limits.ts'

/** How a process has ended. */
export type End =
  /** With all that it said. */
  { readonly how: 'answered'; readonly output: Buffer } | { readonly how: 'too slow' | 'out of memory' | 'failed' }

/** Bytes of the error output that are kept: V8 says there why it ends. They may be of the file, and are shown to nobody. */
const mostWords = 16 << 10

/**
 * A process of Node for one file, which may be hostile. It has no environment, may read its own program and nothing
 * else on the disk, write nothing, start nothing; the kernel bounds its memory and its time on the processor, and keeps
 * it from the network, where it can. It gets the file through its standard input, so it outlives us by no more than
 * that time.
 */
export class ReadingProcess implements AsyncDisposable {
  readonly ended: Promise<End>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #limits: PreviewLimits
  #killedFor: 'too slow' | 'failed' | undefined
  readonly #output: Buffer[] = []
  #outputLength = 0
  #words = Buffer.alloc(0)

  /** @param module the program, as JavaScript or TypeScript */
  constructor(module: URL, limits: PreviewLimits) {
    this.#limits = limits
    const [program, ...args] = command(module, limits)
    this.#child = spawn(program, args, {
      env: process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] } : {},
      cwd: dirname(fileURLToPath(module)),
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#child.stdin.on('error', () => undefined) // it need not read to the end
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#words = Buffer.concat([this.#words, chunk]).subarray(-mostWords)
    })
    this.ended = this.#awaitEnd()
    this.ended.catch(() => undefined) // awaited when the file has been given
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Gives it more of the file. Resolves when there is room for the next piece; false when it takes no more. */
  async write(bytes: Uint8Array): Promise<boolean> {
    return await new Promise((resolve) => this.#child.stdin.write(bytes, (error) => resolve(!error)))
  }

  endInput(): void {
    this.#child.stdin.end()
  }

  kill(reason: 'too slow' | 'failed'): void {
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('failed')
    await this.ended.catch(() => undefined)
  }

  #take(chunk: Buffer): void {
    this.#output.push(chunk)
    this.#outputLength += chunk.length
    if (this.#outputLength > mostOutput(this.#limits)) this.kill('failed')
  }

  async #awaitEnd(): Promise<End> {
    const child = this.#child
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once('close', (exitCode, endSignal) => resolve({ code: exitCode, signal: endSignal }))
      child.once('error', (cause) =>
        reject(new PreviewError('PREVIEW_NOT_STARTED', { reason: messageOf(cause), cause })),
      )
    })
    if (this.#killedFor) return { how: this.#killedFor }
    if (code === 0) return { how: 'answered', output: Buffer.concat(this.#output) }
    if (code === 126 || code === 127) throw new PreviewError('PREVIEW_NOT_STARTED', { reason: `exit code ${code}` })
    if (signal === 'SIGXCPU') return { how: 'too slow' }
    // A process that is killed, and not by us, the kernel has killed because the machine has no memory left.
    const isMemory =
      signal === 'SIGKILL' ||
      /out of memory|allocation.failed|bad_alloc|invalid size error/i.test(this.#words.toString('latin1'))
    return { how: isMemory ? 'out of memory' : 'failed' }
  }
}

/** What an answer can be at most: each character as an escape of six, and an image. */
export function mostOutput({ textBytes, imageBytes, sheets, rows, columns }: PreviewLimits): number {
  return textBytes * 6 + sheets * rows * columns * 3 + imageBytes + (64 << 10)
}

function command(module: URL, limits: PreviewLimits): [string, ...string[]] {
  const node = [process.execPath, ...flags(module, limits), fileURLToPath(module)] as const
  return process.platform === 'win32' ? [...node] : ['/bin/sh', '-c', inBounds(limits), 'sh', ...node]
}

function flags(module: URL, { heapBytes }: PreviewLimits): string[] {
  return [
    '--permission',
    ...programFolders(module).map((folder) => `--allow-fs-read=${folder}`),
    `--max-old-space-size=${Math.ceil(heapBytes / 2 ** 20)}`,
    '--v8-pool-size=1',
    '--disallow-code-generation-from-strings',
    '--disable-sigusr1', // would open a door for a debugger
    '--no-warnings',
  ]
}

/** Where the program and its packages lie. */
function programFolders(module: URL): string[] {
  const own = dirname(fileURLToPath(module))
  const folders = [own]
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    folders.push(...withTargets(join(folder, 'node_modules')))
  }
  return folders.map((folder) => join(folder, '/'))
}

/** A folder, if it is there; one that is a link, with what that leads to, link by link. */
function withTargets(folder: string): string[] {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (!found) return []
  if (!found.isSymbolicLink()) return [folder]
  return [folder, ...withTargets(resolvePath(dirname(folder), readlinkSync(folder)))]
}

/** The bounds that the kernel keeps; where a system does not know one of them, the others hold. */
function inBounds({ milliseconds, memoryBytes }: PreviewLimits): string {
  const seconds = Math.ceil(milliseconds / 1000)
  return [
    'ulimit -c 0', // no dump of the file's content
    'ulimit -f 0',
    `ulimit -d ${Math.ceil(memoryBytes / 1024)} 2>/dev/null`,
    `ulimit -S -t ${seconds}; ulimit -H -t ${seconds + 1}`,
    'if unshare -Un true 2>/dev/null; then set -- unshare -Un "$@"; fi',
    'exec nice -n 10 "$@"',
  ].join('\n')
}
