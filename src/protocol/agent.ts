import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { knownDevicesSchema, readDeviceSchema } from './devices.ts'
import { aboutMachineSchema } from './machines.ts'
import { operationSchema, outcomeSchema, progressSchema } from './operations.ts'
import { backupPolicySchema } from './policy.ts'

/** What an agent and its server say to each other. The agent asks always; the server never calls a machine. */

/** The agent says that it is there, and which revisions of its policies it follows. */
export const helloSchema = z.object({
  about: aboutMachineSchema,
  /** The machine's own clock, milliseconds since 1970. */
  clock: z.number(),
  follows: z.record(idSchema, z.int()),
  /** The devices that it reads, as it knows them. */
  reads: knownDevicesSchema.default({}),
  /** Made at each start of the agent: two that speak in turn are two agents with one key. */
  run: z.uuid().optional(),
  /** The last that the server has given it. */
  receipt: z.string().max(300).optional(),
})

export const welcomeSchema = z.object({
  /** All policies that the machine is to follow; left out when it follows just those. */
  policies: z.array(z.object({ id: idSchema, revision: z.int(), policy: backupPolicySchema })).optional(),
  /** All devices that the machine is to read; left out when it knows just those. */
  devices: z.array(readDeviceSchema).optional(),
  /** Two agents work with the machine's key: a machine that was copied, or a key that was stolen. */
  usedByTwo: z.boolean().optional(),
  /** Grows whenever the server is brought back: machines follow no lower one than they have seen. */
  epoch: z.int().optional(),
  /** For the machine to keep, and to give back: by it a server notices that it is an old state of itself. */
  receipt: z.string().max(300).optional(),
})

/** The machine's repository on the server. The password was made on the machine; left out, the client keeps it. */
export const wantRepositorySchema = z.object({ password: z.string().min(20).max(200).optional() })

export const repositoryAccessSchema = z.object({
  repositoryId: idSchema,
  url: z.string(),
  user: z.string(),
  secret: z.string(),
})

/** What kinds of operation are called. */
const kindSchema = z.string().regex(/^[a-z][a-z-]{0,39}$/)

/** Kinds of job that this agent knows: no other is given to it. */
export const nextJobSchema = z.object({
  kinds: z.array(kindSchema).max(50),
  /** How long to wait for one, in seconds. */
  wait: z.number().min(0).max(25).default(0),
  /** As in the hello. */
  run: z.uuid().optional(),
  receipt: z.string().max(300).optional(),
})

export const jobSchema = z.object({ epoch: z.int(), operation: operationSchema })

/** What the agent began by itself, by its schedule: also later, when the server was away. */
export const ownOperationSchema = z.object({
  kind: kindSchema,
  /** There is at most one of this key for the machine. */
  onceKey: z.string().min(1).max(300),
  order: z.record(z.string(), z.unknown()),
  startedAt: timeSchema,
  /** How it ended, when it has: what a machine reports that could not reach the server meanwhile. */
  outcome: outcomeSchema.optional(),
})

export const reportSchema = z.object({ epoch: z.int(), progress: progressSchema.optional() })
export const reportedSchema = z.object({ cancelAsked: z.boolean() })
export const finishSchema = z.object({ epoch: z.int(), outcome: outcomeSchema })

/** The machine has made this snapshot: its signature over `signedSnapshot`. */
export const signedSnapshotSchema = z.object({
  repositoryId: idSchema,
  snapshotId: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.base64url().max(100),
})

/** What a machine signs of a snapshot, Ed25519. */
export function snapshotText({
  repositoryId,
  snapshotId,
}: {
  readonly repositoryId: string
  readonly snapshotId: string
}): string {
  return `understudy-snapshot-1\n${repositoryId}\n${snapshotId}`
}

/** What a machine signs of an enrolment line's secret, to show that it has the key. */
export function enrolmentText(secret: string): string {
  return `understudy-enrol-1\n${secret}`
}
