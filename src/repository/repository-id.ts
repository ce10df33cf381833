import { createHash } from 'node:crypto'

/**
 * The id of a repository is 32 bytes that mean nothing to restic. Ours carry a mark: the last 8 are a hash of the others.
 * So a repository that Understudy made as version 2 is known again, and an uncompressed JSON file in it, which only
 * repositories upgraded from version 1 have, is refused as forged.
 */
const randomLength = 24

/** `random`: 24 random bytes. */
export function createMarkedId(random: Uint8Array): string {
  return Buffer.concat([random.subarray(0, randomLength), mark(random.subarray(0, randomLength))]).toString('hex')
}

export function isMarkedId(id: string): boolean {
  const bytes = Buffer.from(id, 'hex')
  return bytes.length === 32 && mark(bytes.subarray(0, randomLength)).equals(bytes.subarray(randomLength))
}

function mark(random: Uint8Array): Buffer {
  return createHash('sha256')
    .update('understudy repository, version 2 from the start')
    .update(random)
    .digest()
    .subarray(0, 8)
}
