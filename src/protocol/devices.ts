import { z } from 'zod'
import { idSchema } from './answers.ts'
import { backupPolicySchema } from './policy.ts'

/** Machines that take no software of ours, and are read by the agent of a machine beside them. */

const text = z.string().min(1).max(1_000)

const reached = {
  /** Name or address, as the machine that reads it reaches it. */
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535).exactOptional(),
  user: text,
  /** Connections at once; small controllers bear one or two. */
  connections: z.int().min(1).max(64).exactOptional(),
}

/** How a device is read. Secrets are in it: it goes to the machine that reads the device, and nowhere else. */
export const deviceAccessSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sftp'),
    ...reached,
    password: text.exactOptional(),
    /** The keys by which the device proves itself: `ssh-ed25519 AAAA…`. */
    hostKeys: z.array(text).min(1).max(20),
    /** PEM, in place of a password. */
    privateKey: z.string().min(1).max(20_000).exactOptional(),
    privateKeyPassphrase: text.exactOptional(),
    oldCiphers: z.boolean().exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('ftp'),
    ...reached,
    password: text,
    encryption: z.enum(['none', 'explicit', 'implicit']),
    certificate: z.enum(['checked', 'any']).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('smb'), ...reached, password: text, domain: text.exactOptional() }),
])
export type DeviceAccess = z.output<typeof deviceAccessSchema>

/** A device as the agent that reads it is told of it. */
export const readDeviceSchema = z.object({
  id: idSchema,
  /** The host name of its snapshots. */
  name: z.string().min(1).max(255),
  revision: z.int(),
  access: deviceAccessSchema,
  policies: z.array(z.object({ id: idSchema, revision: z.int(), policy: backupPolicySchema })),
})
export type ReadDevice = z.output<typeof readDeviceSchema>

/** What an agent knows of a device already: `revision`, and that of each policy by its id. */
export const knownDevicesSchema = z.record(
  idSchema,
  z.object({ name: z.string(), revision: z.int(), follows: z.record(idSchema, z.int()) }),
)
