import type { Kysely } from 'kysely'
import { messageOf } from '#base'
import { backupPolicySchema, scriptOrderSchema } from '#protocol'
import type { BackupPolicy } from '#policy'
import { limits } from '../alerts/index.ts'
import type { MachineView, ProtectionView } from '../alerts/index.ts'
import { planOfScript } from '../fleet/script-plan.ts'
import type { Row, Tables } from '../store/tables.ts'
import { PlannedRuns } from './planned-runs.ts'
import { byScript, deviceBackup, readersOf, RunHistory, subjectOf } from './run-history.ts'

/** Every backup policy on every machine that follows it, and every script for stock restic: what is planned, and what was made. */
export class Protections {
  readonly #history = new RunHistory()
  readonly #planned = new PlannedRuns()
  readonly #policies = new Map<string, { readonly revision: number; readonly policy: BackupPolicy }>()

  async look(db: Kysely<Tables>, machines: readonly MachineView[], now: number): Promise<ProtectionView[]> {
    const known = new Map(machines.map((machine) => [machine.id, machine]))
    await this.#history.refresh(db, [...known.keys()], now)
    const running = await runningBackups(db)
    const pairs = await this.#followed(db)
    this.#planned.keepOnly(pairs)
    const followed = pairs.flatMap((pair) => {
      const machine = known.get(pair.machineId)
      return machine ? this.#view(pair, machine, running.get(machine.id)) : []
    })
    return [...followed, ...(await this.#byScript(db, known))]
  }

  async #byScript(db: Kysely<Tables>, known: ReadonlyMap<string, MachineView>): Promise<ProtectionView[]> {
    const scripts = await db.selectFrom('scripts').select(['machineId', 'settings', 'madeAt']).execute()
    return scripts.flatMap(({ machineId, settings, madeAt }) => {
      const machine = known.get(machineId)
      if (!machine) return []
      const runs = this.#history.runsOf(machineId, byScript)
      const lastRun = runs.find(({ outcome }) => outcome !== 'cancelled')?.endedAt ?? 0
      const from = Math.max(lastRun, madeAt, machine.awayUntil ?? 0)
      const { schedule } = scriptOrderSchema.parse(JSON.parse(settings))
      const plan = planOfScript(schedule, from, limits.missedCriticallyRuns)
      return { id: byScript, policy: 'script', machine: machineId, ...plan, activeSince: madeAt, paused: false, runs }
    })
  }

  #view(pair: Followed, machine: MachineView, runningSince: number | undefined): ProtectionView {
    const { policyId, policy, since, isByRestic } = pair
    const activeSince = Math.max(since, machine.enrolledAt)
    const runs = this.#history.runsOf(machine.id, isByRestic ? byScript : policyId)
    const lastRun = runs.find(({ outcome }) => outcome !== 'cancelled')?.endedAt ?? 0
    const from = Math.max(lastRun, activeSince, machine.awayUntil ?? 0)
    const { every, planned } = this.#planned.planOf(pair, policy, from)
    const about = { id: policyId, policy: policy.name, machine: machine.id, every, planned, activeSince, paused: false }
    // A machine makes one backup at a time: another policy's keeps this one waiting.
    return { ...about, runs, ...(runningSince !== undefined && { runningSince }) }
  }

  async #followed(db: Kysely<Tables>): Promise<Followed[]> {
    const rows = await db.selectFrom('policies').selectAll().execute()
    const policies = new Map(rows.map((row) => [row.id, { row, policy: this.#read(row) }]))
    for (const id of this.#policies.keys()) if (!policies.has(id)) this.#policies.delete(id)
    const pairs = await followedPolicies(db)
    return pairs.flatMap(({ machineId, policyId, since, isByRestic }) => {
      const found = policies.get(policyId)
      if (!found) return []
      const { row, policy } = found
      const expectedSince = Math.max(since ?? row.createdAt, row.changedAt ?? row.createdAt)
      return { machineId, policyId, revision: row.revision, policy, since: expectedSince, isByRestic }
    })
  }

  #read({ id, revision, document }: Row<'policies'>): BackupPolicy {
    const known = this.#policies.get(id)
    if (known?.revision === revision) return known.policy
    try {
      const policy = backupPolicySchema.parse(JSON.parse(document))
      this.#policies.set(id, { revision, policy })
      return policy
    } catch (cause) {
      throw new Error(`the backup policy ${id} cannot be read: ${messageOf(cause)}`, { cause })
    }
  }
}

interface Followed {
  readonly machineId: string
  readonly policyId: string
  readonly revision: number
  readonly policy: BackupPolicy
  /** Since when runs are expected by it. */
  readonly since: number
  /** The machine has no agent of ours: its snapshots come without saying by which policy. */
  readonly isByRestic: boolean
}

/**
 * What each machine follows. Where a script of ours runs, its own schedule is what is expected, and its policies only say what is
 * kept.
 */
async function followedPolicies(db: Kysely<Tables>) {
  const rows = await db
    .selectFrom('machinePolicies')
    .innerJoin('machines', 'machines.id', 'machinePolicies.machineId')
    .leftJoin('devices', 'devices.machineId', 'machines.id')
    .leftJoin('scripts', 'scripts.machineId', 'machines.id')
    .select(['machinePolicies.machineId', 'policyId', 'since', 'publicKey'])
    .select(['devices.readerId', 'scripts.madeAt as scriptMadeAt'])
    .execute()
  return rows
    .map((row) => ({ ...row, isByRestic: row.publicKey === null && row.readerId === null }))
    .filter(({ isByRestic, scriptMadeAt }) => !isByRestic || scriptMadeAt === null)
}

/** Since when a backup has been running, by machine or device. */
async function runningBackups(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const readers = await readersOf(db)
  const rows = await db
    .selectFrom('operations')
    .select(['kind', 'machineId', 'order', 'startedAt'])
    .where('state', '=', 'running')
    .where('kind', 'in', ['backup', deviceBackup])
    .execute()
  return new Map(rows.map((row) => [subjectOf(row, readers) ?? '', row.startedAt ?? 0]))
}
