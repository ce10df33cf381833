import type { Transaction } from 'kysely'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Actor } from '../records/audit.ts'
import type { Row, Tables } from '../store/tables.ts'

/** What may be asked for. It is kept as its name and its details, and carried out once, when it is allowed. */
export interface ApprovalAction<Details = unknown> {
  /** As in the approval's `action`. */
  readonly name: string
  readonly details: z.ZodType<Details>
  /** It can be asked for and done while the client may have been attacked. */
  readonly inAttack?: boolean
  /** What it does, in words that go on "… asked to ": `delete the machine "till" with all its backups`. */
  describe(details: Details): string
  /** Carries it out, all of it within the transaction that marks it as done. What it throws makes it a failed one. */
  perform(details: Details, work: ApprovalWork): Promise<void>
}

export interface ApprovalWork {
  readonly services: Services
  readonly transaction: Transaction<Tables>
  readonly approval: Row<'approvals'>
  /** For the audit log: who has allowed it, or the server after a delay. */
  readonly actor: Actor
}

/** Makes an action whose details have the type of its schema. */
export function approvalAction<Schema extends z.ZodType>(definition: {
  readonly name: string
  readonly details: Schema
  readonly inAttack?: boolean
  describe(details: z.output<Schema>): string
  perform(details: z.output<Schema>, work: ApprovalWork): Promise<void>
}): ApprovalAction<z.output<Schema>> {
  return definition as ApprovalAction<z.output<Schema>>
}
