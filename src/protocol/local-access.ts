import { z } from 'zod'

/** The file in the server's folder by which commands of its own user reach it. */
export const localAccessFile = 'local-access.json'

export const localAccessSchema = z.object({
  /** Where it listens, as seen from its own machine. */
  url: z.url(),
  /** As people and machines reach it. */
  origin: z.url(),
  secret: z.string().min(20).max(200),
  /** SHA-256 of the one certificate to accept, in hexadecimal digits; plain HTTP has none. */
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})
export type LocalAccessFile = z.input<typeof localAccessSchema>
