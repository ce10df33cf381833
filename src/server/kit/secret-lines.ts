import { createHash } from 'node:crypto'

/** A secret as it is printed: short lines in groups of four, each with a checksum by which a typing error is found. */
export interface SecretLine {
  /** `abcd efgh ijkl mnop`: the gaps are no part of it. */
  readonly groups: string
  /** The first four digits of the SHA-256 of the line without its gaps: every system can calculate that (`commands.ts`). */
  readonly checksum: string
}

/** Characters on a line. */
export const lineLength = 16

export function secretLines(secret: string): SecretLine[] {
  const lines = secret.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []
  return lines.map((line) => ({
    groups: (line.match(/.{1,4}/g) ?? []).join(' '),
    checksum: createHash('sha256').update(line).digest('hex').slice(0, 4),
  }))
}
