import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'
import { layoutPath } from '#backend'
import { firstCopyNames, firstCopyPageSchema, firstCopyTypes } from '#protocol'
import type { FirstCopyPage, FirstCopyType } from '#protocol'
import { FirstCopyError } from './errors.ts'

/** A disk that came to the server with a first copy. Whoever had it in hands may have put anything there. */

/** One file of the repository on the disk, as the list has it. */
export interface ListedThere {
  readonly type: FirstCopyType
  readonly name: string
  /** Bytes. */
  readonly size: number
}

/** Bytes of the page at most: a thousand snapshots with their signatures. */
const longestPage = 1 << 20
/** Never waits for somebody to write, should a fifo lie where a file belongs, and follows no link. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Reads the page of a first copy. Throws `FIRST_COPY_NOT_THERE`, `FIRST_COPY_UNFINISHED`, `FIRST_COPY_INCOMPLETE`. */
export async function readPage(folder: string): Promise<FirstCopyPage> {
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const node = hostname()
  if (!isThere) throw new FirstCopyError('FIRST_COPY_NOT_THERE', { folder, node, reason: 'there is no such folder' })
  const text = await readShort(folder)
  if (text !== undefined) return parsePage(folder, text)
  const hasRepository = await stat(join(folder, firstCopyNames.repository)).then(
    () => true,
    () => false,
  )
  if (hasRepository) throw new FirstCopyError('FIRST_COPY_UNFINISHED', { folder })
  throw new FirstCopyError('FIRST_COPY_NOT_THERE', { folder, node, reason: 'nothing of one lies there' })
}

async function readShort(folder: string): Promise<string | undefined> {
  const path = join(folder, firstCopyNames.page)
  try {
    if ((await stat(path)).size > longestPage) throw new Error('it is too long')
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw unreadablePage(folder, cause)
  }
}

function parsePage(folder: string, text: string): FirstCopyPage {
  try {
    return firstCopyPageSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw unreadablePage(folder, cause)
  }
}

function unreadablePage(folder: string, cause: unknown): FirstCopyError {
  const reason = `its page ${firstCopyNames.page} cannot be read`
  return new FirstCopyError('FIRST_COPY_INCOMPLETE', { folder, reason, cause })
}

/** Characters of a line at most. */
const longestLine = 120
const linePattern = new RegExp(String.raw`^(${firstCopyTypes.join('|')}) ([0-9a-f]{64}) (\d{1,15})$`)

/** The files of the list, one by one. Throws `FIRST_COPY_INCOMPLETE` at a line that is none. `onBytes` hears all of its bytes. */
export async function* listedOn(
  folder: string,
  { signal, onBytes }: Cancellable & { readonly onBytes?: (bytes: Buffer) => void } = {},
): AsyncGenerator<ListedThere> {
  const wrong = (cause?: unknown) =>
    new FirstCopyError('FIRST_COPY_INCOMPLETE', {
      folder,
      reason: `its list ${firstCopyNames.list} cannot be read`,
      cause,
    })
  let rest = ''
  try {
    for await (const piece of createReadStream(join(folder, firstCopyNames.list), { signal })) {
      const bytes = piece as Buffer
      onBytes?.(bytes)
      const lines = (rest + bytes.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > longestLine) throw wrong()
      for (const line of lines) {
        const [, type, name, size] = linePattern.exec(line) ?? []
        if (type === undefined || name === undefined) throw wrong()
        yield { type: type as FirstCopyType, name, size: Number(size) }
      }
    }
  } catch (thrown) {
    signal?.throwIfAborted()
    throw thrown instanceof FirstCopyError ? thrown : wrong(thrown)
  }
  if (rest !== '') throw wrong()
}

/**
 * Looks whether everything is there that the page promises: the list as it was signed, and each of its files with its size.
 * Reads no content yet. Throws `FIRST_COPY_INCOMPLETE`.
 */
export async function requireComplete(folder: string, page: FirstCopyPage, options: Cancellable = {}): Promise<void> {
  const hash = createHash('sha256')
  let [files, missing, first] = [0, 0, '']
  for await (const file of listedOn(folder, { ...options, onBytes: (bytes) => void hash.update(bytes) })) {
    files++
    const found = await stat(pathOn(folder, file)).catch(() => undefined)
    if (found?.isFile() === true && found.size === file.size) continue
    missing++
    first ||= layoutPath(file).join('/')
  }
  const refuse = (reason: string) => new FirstCopyError('FIRST_COPY_INCOMPLETE', { folder, reason })
  if (hash.digest('hex') !== page.listHash || files !== page.files)
    throw refuse('its list is not the one that was signed')
  if (missing > 0) throw refuse(`${missing} of its ${files} files are missing or cut off, the first of them ${first}`)
}

/** Opens a file of the repository on the disk. Throws `FIRST_COPY_DAMAGED`. */
export async function openOn(folder: string, file: ListedThere): Promise<FileHandle> {
  const path = pathOn(folder, file)
  let handle: FileHandle | undefined
  try {
    handle = await open(path, readFlags)
    if (!(await handle.stat()).isFile()) throw new Error('it is no file')
    return handle
  } catch (cause) {
    await handle?.close()
    throw damaged(folder, file, cause)
  }
}

export function damaged(folder: string, file: ListedThere, cause: unknown): FirstCopyError {
  const reason = `${layoutPath(file).join('/')}: ${messageOf(cause)}`
  return new FirstCopyError('FIRST_COPY_DAMAGED', { folder, reason, cause })
}

function pathOn(folder: string, { type, name }: ListedThere): string {
  return join(folder, firstCopyNames.repository, ...layoutPath({ type, name }))
}
