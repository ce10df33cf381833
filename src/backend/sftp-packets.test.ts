import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { encodePacket, isFolder, isRegular, MalformedPacket, PacketReader, PacketSplitter } from './sftp-packets.ts'

test('fields come back as they were written', () => {
  const packet = encodePacket(6, [7, { long: 2 ** 40 + 5 }, 'näme', Buffer.from([1, 2])], Buffer.from([9]))
  const [whole] = new PacketSplitter().push(packet)
  const reader = new PacketReader(whole as Buffer)
  assert.deepEqual(
    [reader.u8(), reader.u32(), reader.u64(), reader.text(), reader.bytes(), reader.u8(), reader.isAtEnd],
    [6, 7, 2 ** 40 + 5, 'näme', Buffer.from([1, 2]), 9, true],
  )
})

test('packets are found however the bytes are cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (given, cuts) => {
      const stream = Buffer.concat(given.map((bytes) => encodePacket(103, [bytes])))
      const splitter = new PacketSplitter()
      const found: Buffer[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const length = cuts[i % cuts.length] as number
        found.push(...splitter.push(stream.subarray(at, at + length)).map((packet) => Buffer.from(packet)))
        at += length
      }
      assert.deepEqual(
        found.map((packet) => new PacketReader(packet, 1).bytes()),
        given.map((bytes) => Buffer.from(bytes)),
      )
    }),
    seeded(),
  )
})

test('attributes: kind, size and time are taken out, whatever else is told', () => {
  const extended = [0x8000_000f, { long: 5000 }, 1, 2, 0o100400, 11, 22, 1, 'name@example', 'value'] as const
  const file = new PacketReader(encodePacket(105, extended), 5).attributes()
  assert.deepEqual(file, { size: 5000, mode: 0o100400, mtime: 22 })
  assert.ok(isRegular(file) && !isFolder(file))
  assert.deepEqual(new PacketReader(encodePacket(105, [0]), 5).attributes(), {})
})

test('bytes that are no packets are refused without taking memory, and never read beyond their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        for (const packet of new PacketSplitter().push(Buffer.from(bytes))) {
          const reader = new PacketReader(packet)
          reader.u8()
          reader.attributes()
          while (!reader.isAtEnd) reader.text()
        }
      } catch (thrown) {
        assert.ok(thrown instanceof MalformedPacket, String(thrown))
      }
    }),
    seeded(),
  )
  assert.throws(() => new PacketSplitter().push(Buffer.from('Last login: today')), MalformedPacket)
})
