import type { Fixed } from './column-types.ts'

/** The starts of its agent that have spoken for a machine of late. */
export interface AgentRunsTable {
  readonly machineId: Fixed<string>
  /** Made by the agent when it starts. */
  readonly run: Fixed<string>
  readonly hostname: string
  readonly fromWhere: string
  readonly firstAt: Fixed<number>
  readonly lastAt: number
  /** When it spoke again, last, after another had spoken; null: it never did. */
  readonly returnedAt: number | null
}
