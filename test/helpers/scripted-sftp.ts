import { PassThrough } from 'node:stream'
import { SftpClient } from '../../src/backend/sftp-client.ts'
import { encodePacket, type Field, PacketReader, PacketSplitter, packetTypes } from '../../src/backend/sftp-packets.ts'

/** One request as it came: `name` is its type, or the extension that it asks for. */
export interface SftpRequest {
  readonly name: string
  readonly id: number
  readonly fields: PacketReader
}

/** What is sent back: a type and fields behind the id; undefined: nothing. */
export type SftpAnswer = readonly [type: keyof typeof packetTypes, ...fields: Field[]] | undefined

export interface ScriptedSftp {
  readonly client: SftpClient
  /** Names of the requests, in the order in which they came. */
  readonly requests: string[]
  /** Sends bytes as they are. */
  send(bytes: Uint8Array): void
  /** Ends the connection. */
  end(): void
}

export const ok = ['status', 0, '', ''] as const

const names = new Map<number, string>(Object.entries(packetTypes).map(([name, type]) => [type, name]))

/** A client that talks with a server which answers as the test wants. */
export async function scriptedSftp(
  answer: (request: SftpRequest) => SftpAnswer,
  extensions: readonly string[] = [],
): Promise<ScriptedSftp> {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()]
  const splitter = new PacketSplitter()
  const requests: string[] = []
  toServer.on('data', (chunk: Buffer) => {
    for (const packet of splitter.push(chunk)) {
      const reply = reactTo(packet)
      if (reply) toClient.write(reply)
    }
  })
  const reactTo = (packet: Buffer): Buffer | undefined => {
    const fields = new PacketReader(packet)
    const type = fields.u8()
    if (type === packetTypes.init)
      return encodePacket(packetTypes.version, [3, ...extensions.flatMap((name) => [name, '1'])])
    const id = fields.u32()
    const name = type === packetTypes.extended ? fields.text() : (names.get(type) ?? String(type))
    requests.push(name)
    const [answerType, ...answerFields] = answer({ name, id, fields }) ?? []
    return answerType && encodePacket(packetTypes[answerType], [id, ...answerFields])
  }
  const client = await SftpClient.start(toClient, toServer)
  return { client, requests, send: (bytes) => void toClient.write(bytes), end: () => void toClient.end() }
}
