import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { test } from 'node:test'
import { fileNamed, pathOf } from '../helpers/endpoint-server.ts'
import { type EndpointProcess, startEndpointProcess } from '../helpers/endpoint-process.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'

const uploads = 1000
const size = 1_500_000
/** Half of the bytes that are under way: what Node has in its streams, what waits for the disk, and what its allocator keeps. */
const bound = 750 << 20

test(
  'a thousand uploads at once are taken in bounded memory',
  { skip: process.platform !== 'linux' && 'memory is read from /proc', timeout: 5 * 60_000 },
  async () => {
    await using folder = await tempFolder()
    await using server = await startEndpointProcess(folder.path)
    const body = randomFrom(testSeed()).bytes(size)
    await (await begin(server, '/repo/anna/?create=true', 0)).finish(Buffer.alloc(0))
    const sent = await Promise.all(
      Array.from({ length: uploads }, async (_, i) => {
        body.writeUInt32LE(i)
        const own = Buffer.from(body.subarray(0, 64))
        const path = pathOf(fileNamed('pack', Buffer.concat([own, body.subarray(64)])))
        const upload = await begin(server, path, size)
        await upload.write(own)
        await upload.write(body.subarray(64, size - 100))
        return upload
      }),
    )
    const statuses = await Promise.all(sent.map(async (upload) => await upload.finish(body.subarray(size - 100))))
    assert.deepEqual(new Set(statuses), new Set([200]))
    const most = highestMemory(server.command.pid)
    assert.ok(most < bound, `${most} bytes for ${uploads * size} bytes that were under way`)
  },
)

/** An upload that goes step by step; a step has been taken when the system has its bytes. */
async function begin({ port }: EndpointProcess, path: string, length: number) {
  const headers = { 'content-length': length }
  const sent = request({ host: '127.0.0.1', port, path, method: 'POST', auth: 'anna:pass', agent: false, headers })
  const answered = once(sent, 'response') as Promise<[import('node:http').IncomingMessage]>
  answered.catch(() => undefined)
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) => sent.write(bytes, (error) => (error ? reject(error) : resolve())))
  return {
    write,
    async finish(bytes: Uint8Array) {
      sent.end(bytes)
      const [response] = await answered
      response.resume()
      return response.statusCode
    },
  }
}

/** Bytes that the process has had at most. */
function highestMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
