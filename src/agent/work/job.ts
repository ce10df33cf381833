import type { BackupPolicy } from '#policy'
import type { Clock } from '#base'
import type { Discovery, Outcome, OwnEvidence, Progress, readAccessSchema } from '#protocol'
import type { z } from 'zod'
import type { AgentFolder, FollowedDevice, FollowedPolicy, OwnRepository } from '../state.ts'
import type { OwnProgram } from './own-program.ts'

/** A kind of job that an agent does; the server gives it no other. */
export interface AgentJob {
  /** As in the operation's `kind`. */
  readonly kind: string
  /** What an order of this kind must be: whatever else the server sends is refused. */
  readonly order: z.ZodType
  run(order: unknown, work: AgentWork): Promise<Outcome | SetAside>
}

/** It waits for somebody on the machine, and is ordered again when that one has agreed. */
export interface SetAside {
  readonly state: 'set aside'
  /** What it waits for, for those who watch. */
  readonly step: string
}

/** What was measured; `measuredAt` in milliseconds since 1970. */
export type Measured = Omit<OwnEvidence, 'measuredAt'> & { readonly measuredAt: number }

/** What a job works with. */
export interface AgentWork {
  readonly folder: AgentFolder
  readonly program: OwnProgram
  /** The machine's own repository at its server. */
  readonly repository: OwnRepository
  /** Flags by which the program finds the repository that backups go into. */
  readonly flags: () => Promise<readonly string[]>
  /** PEM file of the server's certificate, where it is one of its own making. */
  readonly certificateFile: string | undefined
  readonly policies: readonly FollowedPolicy[]
  /** Devices beside the machine that it reads. */
  readonly devices: readonly FollowedDevice[]
  /** The wall clock when the job began, milliseconds since 1970. */
  readonly now: number
  /** Aborts when somebody asked for an end, and when the agent stops. */
  readonly signal: AbortSignal
  readonly report: (progress: Progress) => void
  /** The folder of the machine's own hooks. */
  readonly hooksFolder: string
  /** Name or path of rclone, where it is not in the usual folders. */
  readonly rclone: string | undefined
  /** Tells the server what was measured, now or later. */
  readonly tell: (evidence: readonly Omit<Measured, 'id'>[]) => Promise<void>
  /** Looks what is on the machine, and tells the server. */
  readonly look: () => Promise<Discovery>
  /** Signs a snapshot that was made, in the machine's own list and in the server's ledger. */
  readonly sign: (snapshotId: string) => Promise<void>
  /** The operation that was ordered; undefined for a run of the machine's own schedule. */
  readonly operationId: string | undefined
  /** Whether the snapshot stands in the machine's own list, with its own signature. */
  readonly isOwn: (snapshotId: string) => Promise<boolean>
  /** The repository that the order reads, when it is another machine's. Its password is null when the server has none. */
  readonly readAccess: () => Promise<z.output<typeof readAccessSchema>>
  readonly clock: Clock
}

/** What backups by policies need of it. */
export type BackupWork = Pick<
  AgentWork,
  'folder' | 'program' | 'repository' | 'flags' | 'now' | 'signal' | 'report' | 'hooksFolder' | 'tell' | 'sign'
>

/** Makes a job whose order has the type of its schema. */
export function agentJob<Order extends z.ZodType>(definition: {
  readonly kind: string
  readonly order: Order
  run(order: z.output<Order>, work: AgentWork): Promise<Outcome | SetAside>
}): AgentJob {
  return definition
}

/** The policy that an order names; undefined: the machine does not follow it. */
export function followed(work: Pick<AgentWork, 'policies'>, policyId: string): BackupPolicy | undefined {
  return work.policies.find(({ id }) => id === policyId)?.policy
}

/** An operation that failed before anything was done. */
export function notDone(reason: string, code: string): Outcome {
  return { state: 'failed', reason, code }
}
