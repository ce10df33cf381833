import { FormatError } from './errors.ts'
import { GoJsonWriter } from './go-json.ts'
import { isFileName } from './ids.ts'
import { JsonReader } from './json-reader.ts'
import { formatPolynomial } from './polynomial.ts'

/** The config: what a repository is (restic: internal/restic/config.go). */
export interface Config {
  readonly version: 1 | 2
  /** 64 hexadecimal digits, drawn once: what the repository is known by, wherever it is moved. */
  readonly id: string
  /** Where files are cut. Whether it is good for that counts only for a writer (`checkPolynomial`): readers never cut. */
  readonly chunkerPolynomial: bigint
  /** Fields that other programs keep here (rustic does), as JSON text by name: they are written back as they came. */
  readonly others?: ReadonlyMap<string, string>
}

/** The JSON of a config, as restic writes it. */
export function encodeConfig({ version, id, chunkerPolynomial, others = new Map() }: Config): Buffer {
  const writer = new GoJsonWriter()
  writer.ascii(`{"version":${version},"id":`).string(id)
  writer.ascii(`,"chunker_polynomial":"${formatPolynomial(chunkerPolynomial)}"`)
  for (const [name, json] of others) writer.ascii(',').string(name).ascii(':').raw(Buffer.from(json, 'utf8'))
  return writer.ascii('}').finish()
}

/** Reads a config. Throws JSON_INVALID, FIELD_INVALID or CONFIG_VERSION_UNSUPPORTED. */
export function decodeConfig(bytes: Uint8Array): Config {
  const reader = new JsonReader(bytes, 'config')
  let version = 0
  let id = ''
  let polynomial = ''
  const others = new Map<string, string>()
  reader.readObject((key) => {
    if (key === 'version') version = reader.readUnsigned(0xffff_ffff)
    else if (key === 'id') id = reader.readString()
    else if (key === 'chunker_polynomial') polynomial = reader.readString()
    else others.set(key, readJson(reader))
  })
  reader.finish()
  if (version !== 1 && version !== 2) throw new FormatError('CONFIG_VERSION_UNSUPPORTED', { version })
  // The id names a folder in the cache: nothing but digits may come through.
  if (!isFileName(id)) throw invalid('id', 'is no id')
  if (!/^[0-9a-fA-F]{1,16}$/.test(polynomial)) throw invalid('chunker_polynomial', 'is no number of 64 bits')
  return { version, id, chunkerPolynomial: BigInt(`0x${polynomial}`), ...(others.size > 0 && { others }) }
}

function readJson(reader: JsonReader): string {
  const start = reader.skipValue()
  return Buffer.from(reader.bytes.subarray(start, reader.position)).toString('utf8')
}

function invalid(field: string, reason: string): FormatError {
  return new FormatError('FIELD_INVALID', { what: 'config', field, reason })
}
