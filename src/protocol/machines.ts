import { z } from 'zod'
import { agentUpdateSchema } from './agent-protocol.ts'
import { idSchema, timeSchema } from './answers.ts'
import { nameSchema } from './people.ts'

export const clientSchema = z.object({
  id: idSchema,
  name: z.string(),
  /** 'attacked': nothing is deleted, backups go on and are marked. */
  state: z.enum(['normal', 'attacked']),
  stateSince: timeSchema,
  createdAt: timeSchema,
})

const kinds = ['server', 'pc', 'laptop', 'appliance'] as const
export const machineKindSchema = z.enum(kinds)
export const machineStateSchema = z.enum(['waiting', 'approved', 'revoked'])

/** What an agent says of the machine it runs on. */
export const aboutMachineSchema = z.object({
  hostname: z.string().min(1).max(255),
  platform: z.string().max(50),
  release: z.string().max(200),
  agentVersion: z.string().max(50),
  /** IP addresses that it has in its networks. */
  addresses: z.array(z.string().max(64)).max(64).exactOptional(),
  /** Policies and devices that its agent cannot read: they are of a newer version. */
  notUnderstood: z.array(idSchema).max(1_000).exactOptional(),
})

export const machineSchema = z.object({
  id: idSchema,
  clientId: idSchema,
  name: z.string(),
  kind: machineKindSchema,
  state: machineStateSchema,
  /** Whether our agent works on it; else stock restic does, or a neighbour. */
  hasAgent: z.boolean(),
  about: aboutMachineSchema.partial(),
  /** Whether agent or server is to be updated; null: neither, or there is no agent. */
  update: agentUpdateSchema.nullable(),
  createdAt: timeSchema,
  lastSeenAt: timeSchema.nullable(),
  awayUntil: timeSchema.nullable(),
  /** Seconds by which its clock was ahead when it was last seen. */
  clockAhead: z.number().nullable(),
  /** Two agents that work with its key, the one that was there first before the other; null: there is one. */
  usedByTwo: z
    .object({ since: timeSchema, agents: z.array(z.object({ hostname: z.string(), fromWhere: z.string() })) })
    .nullable(),
})

export const newEnrolmentLineSchema = z.object({
  machineKind: machineKindSchema.default('server').describe('what the machines are (default: server)'),
  machines: z.int().min(1).max(10_000).default(1).describe('how many machines may use it (default: 1)'),
  expiresAt: timeSchema.optional().describe('until when it holds (default: an hour)'),
})

/** What a machine sends to be enrolled. */
export const enrolSchema = z.object({
  secret: z.string().min(20).max(200),
  /** Ed25519, SPKI in base64, made on the machine. */
  publicKey: z.base64().max(200).describe('Ed25519, SPKI in base64'),
  about: aboutMachineSchema,
  /** Ed25519 over the secret, in base64url: the machine has the private half. */
  proof: z.base64url().max(100).describe('Ed25519 over the secret, in base64url'),
})

export const renameSchema = z.object({ name: nameSchema.describe('the new name') })

/** One machine, with what its server cannot do for it. */
export const machineDetailsSchema = machineSchema.extend({
  /** Whether the client keeps the password of its repository from the server. */
  keepsPassword: z.boolean(),
  /** What does not work because of that, a sentence each. */
  notDone: z.array(z.string()),
})
