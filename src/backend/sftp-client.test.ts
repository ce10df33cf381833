import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ok, scriptedSftp, type SftpAnswer, type SftpRequest } from '../../test/helpers/scripted-sftp.ts'
import { SettableClock } from '../../test/helpers/settable-clock.ts'
import { rejectsWith } from './conformance.ts'
import { FolderSync } from './folder-sync.ts'
import { SftpBroken, SftpClient } from './sftp-client.ts'
import { sftpError } from './sftp-errors.ts'
import { encodePacket, openFlags, packetTypes } from './sftp-packets.ts'
import { readPieces, writePieces } from './sftp-transfer.ts'
import { FlightWindow } from './sftp-window.ts'
import { syncFolder, writeThroughSftp } from './sftp-write.ts'

/** The conversation with an SFTP server, with servers that the tests make up. */

const handle = Buffer.from('h')

test('a file is read whole though the server gives less than was asked for, in any order', async () => {
  const file = randomBytes(200_000)
  const { client } = await scriptedSftp(({ fields }) => {
    fields.bytes()
    const [offset, length] = [fields.u64(), fields.u32()]
    return ['data', file.subarray(offset, Math.min(offset + length, offset + 20_000))]
  })
  const into = Buffer.alloc(file.length)
  assert.equal(await readPieces(client, handle, { into, offset: 0 }, {}), true)
  assert.ok(into.equals(file))
})

test('a file that is shorter than it was said to be is found out', async () => {
  const { client } = await scriptedSftp(() => ['status', 1, 'End of file', ''])
  assert.equal(await readPieces(client, handle, { into: Buffer.alloc(10), offset: 0 }, {}), false)
})

test('the first failing piece ends a transfer, with what the server said', async () => {
  const { client, requests } = await scriptedSftp(() => ['status', 4, 'Failure', ''])
  await assert.rejects(writePieces(client, handle, Buffer.alloc(4 << 20), {}), { status: 4 })
  assert.ok(requests.length < 128, `${requests.length} of 128 pieces were sent`)
})

test('more bytes than were asked for are no answer', async () => {
  const { client } = await scriptedSftp(() => ['data', Buffer.alloc(11)])
  await assert.rejects(client.read(handle, 0, 10), SftpBroken)
})

test('a connection that ends fails what is under way and what comes later', async () => {
  const { client, end } = await scriptedSftp(() => undefined)
  const waiting = client.stat('a')
  end()
  await assert.rejects(waiting, SftpBroken)
  await assert.rejects(client.stat('b'), SftpBroken)
})

test('an answer that nobody asked for, and one of another kind, break the connection', async () => {
  const first = await scriptedSftp(() => undefined)
  const waiting = first.client.stat('a')
  first.send(encodePacket(packetTypes.status, [99, 0, '', '']))
  await assert.rejects(waiting, SftpBroken)
  const second = await scriptedSftp(() => ['data', 'x'])
  await assert.rejects(second.client.stat('a'), SftpBroken)
})

test('a server whose login script prints something is found out from its first words', async () => {
  for (const words of ['Welcome!\nLast login: today\n', '\0\0\0\x05\x02\0\0\0\x02', '\0\0\0\x02\x02\0']) {
    const input = new PassThrough()
    const starting = SftpClient.start(input, new PassThrough())
    input.write(words, 'latin1')
    await assert.rejects(starting, { name: 'SftpBroken', isForeign: true }, words)
  }
})

test('limits of the server bound what is sent at once', async () => {
  const answer = ({ name }: SftpRequest): SftpAnswer =>
    name === 'limits@openssh.com'
      ? ['extendedReply', { long: 40_000 }, { long: 9000 }, { long: 7000 }, { long: 5 }]
      : undefined
  const { client } = await scriptedSftp(answer, ['limits@openssh.com'])
  assert.deepEqual(client.pieces, { read: 9000, write: 7000 })
})

test('a file is synced before it gets its name, and its name before it counts as stored', async () => {
  const answer = ({ name }: SftpRequest): SftpAnswer => (name === 'open' ? ['handle', 'h'] : ok)
  const { client, requests } = await scriptedSftp(answer, ['fsync@openssh.com', 'hardlink@openssh.com'])
  const folders = new FolderSync((folder) => syncFolder(client, folder))
  assert.equal(await writeThroughSftp(client, '/r/data/aa/x', Buffer.from('x'), { mode: 0o400, folders }), true)
  const [written, named] = [requests.slice(0, 5), requests.slice(5)]
  assert.deepEqual(written, ['open', 'write', 'fsync@openssh.com', 'close', 'hardlink@openssh.com'])
  assert.deepEqual(
    named.filter((name) => name !== 'remove'),
    ['open', 'fsync@openssh.com', 'close'],
  )
})

test('a sync or a close that fails means that nothing was stored, and nothing is left behind', async () => {
  for (const failing of ['fsync@openssh.com', 'close', 'write']) {
    const answer = ({ name }: SftpRequest): SftpAnswer => {
      if (name === failing) return ['status', 4, 'Failure', '']
      return name === 'open' ? ['handle', 'h'] : ok
    }
    const { client, requests } = await scriptedSftp(answer, ['fsync@openssh.com', 'hardlink@openssh.com'])
    const folders = new FolderSync((folder) => syncFolder(client, folder))
    const writing = writeThroughSftp(client, '/r/x', Buffer.from('x'), { mode: 0o400, folders })
    await assert.rejects(writing, { status: 4 }, failing)
    assert.ok(!requests.includes('hardlink@openssh.com'), failing)
    assert.equal(requests.at(-1), 'remove')
  }
})

test('a server without links renames, and never over a file that is there', async () => {
  for (const isTaken of [false, true]) {
    const answer = ({ name }: SftpRequest): SftpAnswer => {
      if (name === 'open') return ['handle', 'h']
      if (name === 'lstat') return isTaken ? ['attrs', 0] : ['status', 2, 'No such file', '']
      return ok
    }
    const { client, requests } = await scriptedSftp(answer)
    const folders = new FolderSync(async () => undefined)
    const isNew = await writeThroughSftp(client, '/r/x', Buffer.from('x'), { mode: 0o400, folders })
    assert.equal(isNew, !isTaken)
    assert.equal(requests.includes('rename'), !isTaken)
  }
})

test('"Failure" of a write is explained by what the file system says: full, without inodes, read-only, or maybe a quota', async () => {
  for (const [freeBytes, files, freeFiles, flags, code] of [
    [10, 100, 50, 0, 'STORAGE_FULL'],
    [1000, 100, 0, 0, 'STORAGE_FULL'],
    [1000, 0, 0, 1, 'ACCESS_DENIED'],
    [1000, 0, 0, 0, 'STORAGE_FAILED'],
  ] as const) {
    const numbers = [4096, 1, 5000, 5000, freeBytes, files, 7, freeFiles, 0, flags, 255].map((long) => ({ long }))
    const answer = ({ name }: SftpRequest): SftpAnswer =>
      name === 'write' ? ['status', 4, 'Failure', ''] : ['extendedReply', ...numbers]
    const { client } = await scriptedSftp(answer, ['statvfs@openssh.com'])
    const failing = client.write(handle, 0, Buffer.alloc(500)).catch(async (thrown: unknown) => {
      throw await sftpError(thrown, { location: 'here', writing: { client, folder: '/r', bytes: 500 } })
    })
    const error = await rejectsWith(code, failing)
    if (code === 'STORAGE_FAILED') assert.match(error.message, /quota/)
  }
  const { client } = await scriptedSftp(() => ['status', 15, '', ''])
  const refused = client.open('x', openFlags.write).catch(async (thrown: unknown) => {
    throw await sftpError(thrown, { location: 'here' })
  })
  await rejectsWith('STORAGE_FULL', refused)
})

test('on a slow line little is under way, so that a small call waits for about two seconds; on a fast one much', async () => {
  const clock = new SettableClock()
  const window = new FlightWindow(clock)
  const start = window.size
  const piece = 32 << 10
  /** A line with one queue: each piece is through when those before it are. */
  const send = async (bytesPerSecond: number, pieces: number) => {
    const queue: Disposable[] = []
    const leave = () => {
      clock.pass((piece / bytesPerSecond) * 1000)
      queue.shift()?.[Symbol.dispose]()
    }
    for (let i = 0; i < pieces; i++) {
      const state = { isIn: false }
      const enter = async () => {
        queue.push(await window.enter(piece))
        state.isIn = true
      }
      const entering = enter()
      await new Promise(setImmediate)
      while (!state.isIn) {
        leave()
        await new Promise(setImmediate)
      }
      await entering
    }
    while (queue.length > 0) leave()
  }
  await send(125_000, 200) // 1 Mbit/s
  assert.ok(window.size <= 250_000, `${window.size} bytes under way at 1 Mbit/s`)
  await send(100_000_000, 1000)
  assert.ok(window.size > 4 * start, `${window.size} bytes under way at 800 Mbit/s`)
})
