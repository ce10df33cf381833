import { Agent, request } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { once } from 'node:events'
import { workerData } from 'node:worker_threads'

import { messageOf } from '#base'

import { at, bodyState, ringBytes } from './fetch-protocol.ts'
import type { FetchAnswer, FetchOrder, FetchShared } from './fetch-protocol.ts'

/** The thread that fetches from rclone for one thread that reads. */

const { socket, counters, ring, port } = workerData as FetchShared
const agent = new Agent({ keepAlive: true })

/** Longest answer that is no content of a file. */
const longestAnswer = 1 << 20

/** The order whose content is wanted. One that comes late, after the reader gave it up, must never be taken for the next. */
let wanted: number | undefined

/** The content that flows; another one, or none, ends what works for an older one. */
let current: IncomingMessage | undefined

port.on('message', (order: FetchOrder) => {
  if (order.do === 'close') return close()
  const work = order.do === 'open' ? open(order.id, order.path) : stat(order.id, order)
  work.catch((error: unknown) => answer({ id: order.id, failed: { status: 0, reason: messageOf(error) } }))
})

function close(): void {
  current?.destroy()
  current = wanted = undefined
  Atomics.notify(counters, at.taken)
}

async function open(id: number, path: string): Promise<void> {
  close()
  wanted = id
  const response = await send({ method: 'GET', path })
  if (wanted !== id) return void response.destroy()
  if (response.statusCode !== 200) return answer({ id, failed: await failureIn(response) })
  current = response
  for (const place of [at.written, at.taken]) Atomics.store(counters, place, 0)
  Atomics.store(counters, at.state, bodyState.flowing)
  const { 'content-length': length, 'last-modified': modified } = response.headers
  const seconds = modified === undefined ? Number.NaN : Date.parse(modified) / 1000
  answer({
    id,
    opened: {
      size: length === undefined ? undefined : Number(length),
      modified: Number.isNaN(seconds) ? undefined : seconds,
    },
  })
  await pour(response)
}

async function pour(response: IncomingMessage): Promise<void> {
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (!(await put(response, chunk))) return
    }
    finish(response, bodyState.ended)
  } catch {
    finish(response, bodyState.broken) // it ended before its length
  }
}

function finish(response: IncomingMessage, state: number): void {
  if (current !== response) return
  Atomics.store(counters, at.state, state)
  happened()
}

/** Waits for room; false when the content is no longer wanted. */
async function put(response: IncomingMessage, chunk: Buffer): Promise<boolean> {
  for (let done = 0; done < chunk.length;) {
    if (current !== response) return false
    const [written, taken] = [Atomics.load(counters, at.written), Atomics.load(counters, at.taken)]
    const room = ringBytes - ((written - taken) | 0)
    if (room === 0) {
      await Atomics.waitAsync(counters, at.taken, taken).value
      continue
    }
    const start = (written >>> 0) % ringBytes
    const count = Math.min(room, ringBytes - start, chunk.length - done)
    ring.set(chunk.subarray(done, done + count), start)
    done += count
    Atomics.store(counters, at.written, (written + count) | 0)
    happened()
  }
  return true
}

async function stat(id: number, { fs, path }: { readonly fs: string; readonly path: string }): Promise<void> {
  const body = JSON.stringify({ fs, remote: path, opt: { noMimeType: true } })
  const headers = { 'content-type': 'application/json' }
  const response = await send({ method: 'POST', path: '/operations/stat', headers }, body)
  if (response.statusCode !== 200) return answer({ id, failed: await failureIn(response) })
  answer({ id, item: (JSON.parse(await textOf(response)) as { readonly item?: unknown }).item })
}

async function send(options: RequestOptions, body?: string): Promise<IncomingMessage> {
  const sent = request({ ...options, socketPath: socket, agent }).end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

async function failureIn(response: IncomingMessage): Promise<{ status: number; reason: string }> {
  const text = await textOf(response)
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown }
    return { status: response.statusCode ?? 0, reason: String(error) }
  } catch {
    return { status: response.statusCode ?? 0, reason: text.slice(0, 300) }
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestAnswer) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function answer(message: FetchAnswer): void {
  port.postMessage(message)
  happened()
}

function happened(): void {
  Atomics.add(counters, at.events, 1)
  Atomics.notify(counters, at.events)
}
