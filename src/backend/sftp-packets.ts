/**
 * SFTP version 3 as bytes (draft-ietf-secsh-filexfer-02), with the extensions of OpenSSH (its file PROTOCOL, section 4).
 * A packet is a length (u32), a type (u8) and fields; a string is a length (u32) and bytes. All numbers are big-endian.
 */

export const packetTypes = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  realpath: 16,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const

/** Those from 9 on belong to later versions of the protocol; some servers send them all the same. */
export const statuses = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
  fileExists: 11,
  writeProtect: 12,
  noSpace: 14,
  quotaExceeded: 15,
} as const

export const openFlags = { read: 1, write: 2, create: 8, exclusive: 32 } as const

const attributeFlags = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 }

/** What a server tells of a file; each part may be left out. */
export interface Attributes {
  readonly size?: number
  /** Kind and permission bits, as `stat` has them. */
  readonly mode?: number
  /** Seconds since 1970. */
  readonly mtime?: number
}

const kindBits = 0o170000

export function isFolder({ mode = 0 }: Attributes): boolean {
  return (mode & kindBits) === 0o040000
}

export function isRegular({ mode = 0 }: Attributes): boolean {
  return (mode & kindBits) === 0o100000
}

/** A number of 64 bits on the wire. */
export interface Long {
  readonly long: number
}

/** A number is a u32; text and bytes are strings. */
export type Field = number | Long | string | Uint8Array

/** A whole packet. `last` goes behind the fields as it is. */
export function encodePacket(type: number, fields: readonly Field[], last?: Uint8Array): Buffer {
  const encoded = fields.map((field) => (typeof field === 'string' ? Buffer.from(field, 'utf8') : field))
  const length = encoded.reduce<number>((sum, field) => sum + lengthOf(field), 1) + (last?.length ?? 0)
  const packet = Buffer.allocUnsafe(4 + length)
  packet.writeUInt32BE(length, 0)
  packet[4] = type
  let at = 5
  for (const field of encoded) at = writeField(packet, field, at)
  if (last) packet.set(last, at)
  return packet
}

function lengthOf(field: number | Long | Uint8Array): number {
  if (typeof field === 'number') return 4
  return field instanceof Uint8Array ? 4 + field.length : 8
}

function writeField(packet: Buffer, field: number | Long | Uint8Array, at: number): number {
  if (typeof field === 'number') return packet.writeUInt32BE(field, at)
  if (field instanceof Uint8Array) {
    packet.set(field, packet.writeUInt32BE(field.length, at))
    return at + 4 + field.length
  }
  return packet.writeUInt32BE(field.long % 2 ** 32, packet.writeUInt32BE(Math.floor(field.long / 2 ** 32), at))
}

/** Attributes that set permission bits, or nothing. */
export function modeFields(mode: number | undefined): Field[] {
  return mode === undefined ? [0] : [attributeFlags.permissions, mode]
}

/** What came is not SFTP, or not as the protocol has it. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket'
  /** The first bytes, when there is no telling what they are. */
  readonly start: Buffer | undefined

  constructor(message: string, start?: Buffer) {
    super(message)
    this.start = start
  }
}

/** Reads the fields of one packet, never beyond its end. */
export class PacketReader {
  readonly #packet: Buffer
  #at: number

  constructor(packet: Buffer, at: number = 0) {
    this.#packet = packet
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#packet.length
  }

  u8(): number {
    return this.#packet[this.#skip(1)] as number
  }

  u32(): number {
    return this.#packet.readUInt32BE(this.#skip(4))
  }

  /** Exact up to 2^53; what is larger is larger than any file of ours. */
  u64(): number {
    return this.u32() * 2 ** 32 + this.u32()
  }

  /** A view into the packet. */
  bytes(): Buffer {
    const length = this.u32()
    const from = this.#skip(length)
    return this.#packet.subarray(from, from + length)
  }

  text(): string {
    return this.bytes().toString('utf8')
  }

  attributes(): Attributes {
    const flags = this.u32()
    const size = (flags & attributeFlags.size) !== 0 ? { size: this.u64() } : {}
    if ((flags & attributeFlags.owner) !== 0) this.#skip(8)
    const mode = (flags & attributeFlags.permissions) !== 0 ? { mode: this.u32() } : {}
    const times = (flags & attributeFlags.times) !== 0 ? { mtime: this.#skip(4) >= 0 ? this.u32() : 0 } : {}
    if ((flags & attributeFlags.extended) !== 0) this.#skipExtended()
    return { ...size, ...mode, ...times }
  }

  #skipExtended(): void {
    for (let count = this.u32(); count > 0; count--) {
      this.bytes()
      this.bytes()
    }
  }

  #skip(length: number): number {
    const from = this.#at
    if (from + length > this.#packet.length) throw new MalformedPacket('a packet ends too early')
    this.#at = from + length
    return from
  }
}

/** Longest packet that is taken. OpenSSH sends 256 KiB at most; text that is taken for a length says far more. */
const longestPacket = 1 << 20

/** Cuts what comes into packets, without their lengths. */
export class PacketSplitter {
  #chunks: Buffer[] = []
  #held = 0

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    const packets: Buffer[] = []
    for (let packet = this.#next(); packet; packet = this.#next()) packets.push(packet)
    return packets
  }

  #next(): Buffer | undefined {
    if (this.#held < 4) return undefined
    const length = this.#front(4).readUInt32BE(0)
    if (length < 1 || length > longestPacket) {
      throw new MalformedPacket('it sends something else than SFTP', Buffer.concat(this.#chunks).subarray(0, 200))
    }
    if (this.#held < 4 + length) return undefined
    const whole = this.#front(4 + length)
    const rest = (this.#chunks[0] as Buffer).subarray(4 + length)
    if (rest.length > 0) this.#chunks[0] = rest
    else this.#chunks.shift()
    this.#held -= 4 + length
    return whole.subarray(4)
  }

  /** The first bytes in one piece; the pieces they came in are joined only when it must be. */
  #front(length: number): Buffer {
    if ((this.#chunks[0] as Buffer).length < length) this.#chunks = [Buffer.concat(this.#chunks)]
    return (this.#chunks[0] as Buffer).subarray(0, length)
  }
}
