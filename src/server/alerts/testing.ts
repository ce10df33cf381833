/** For tests: a store in memory that keeps what a real one must keep, and views and conditions with few words. */
import { alertSettingsSchema, type AlertSettings, type ConditionKind, type Severity } from '#protocol'
import { generate } from 'selfsigned'
import type { z } from 'zod'
import type { Condition, Facts, Subject } from './condition.ts'
import type { Findings } from './find-conditions.ts'
import type { Message } from './message.ts'
import type { AlertChange, AlertStore, Attempt, ClaimOptions, OutboxEntry } from './outbox.ts'
import type { Sender } from './render.ts'
import { type AlertState, emptyAlertState } from './state.ts'
import { day, hour, minute } from './units.ts'
import type { AlertView, ClientRef, MachineView, ProtectionView, RunView } from './view.ts'

/** Wednesday, noon, UTC. */
export const noon = Date.UTC(2026, 7, 5, 12)

export const firm: ClientRef = { id: 'firm', name: 'Miller & Sons' }

export function machine(changes: Partial<MachineView> = {}): MachineView {
  const about = { id: 'srv1', name: 'SRV1', client: firm, kind: 'server', addresses: [] } as const
  return { ...about, enrolledAt: noon - 100 * day, lastSeen: noon - minute, ...changes }
}

export function protection(runs: readonly RunView[], changes: Partial<ProtectionView> = {}): ProtectionView {
  const about = { id: 'p1', policy: 'Daily', machine: 'srv1', every: day, paused: false } as const
  return { ...about, activeSince: noon - 100 * day, runs, ...changes }
}

/** `ago` before noon. */
export function run(ago: number, changes: Partial<RunView> = {}): RunView {
  return { endedAt: noon - ago, outcome: 'done', bytes: 1_000_000, files: 100, ...changes }
}

export function view(changes: Partial<AlertView> = {}): AlertView {
  const nothing = {
    clients: [],
    machines: [],
    protections: [],
    proofs: [],
    storages: [],
    certificates: [],
    repositories: [],
    kits: [],
    copies: [],
    disks: [],
    tampering: [],
    approvals: [],
    attacks: [],
    ways: [],
    accounts: [],
  }
  return {
    ...nothing,
    server: { name: 'backup', addresses: ['backup.example.com'], since: noon - 200 * day },
    ...changes,
  }
}

export function settingsOf(settings: z.input<typeof alertSettingsSchema>): AlertSettings {
  return alertSettingsSchema.parse(settings)
}

const sampleFacts: { readonly [Kind in ConditionKind]: Facts[Kind] } = {
  run_failed: { policy: 'Daily', lastGood: noon - day, reason: 'The storage does not answer.', times: 3 },
  run_missed: { policy: 'Daily', lastRun: noon - 3 * day, every: day, runningSince: null },
  machine_unseen: { lastSeen: noon - hour },
  machine_used_by_two: { agents: 'till at 10.0.0.5, till at 10.0.0.9' },
  backup_empty: { policy: 'Daily', at: noon - hour },
  backup_small: { policy: 'Daily', bytes: 12_000_000, usualBytes: 1_500_000_000, files: 12, usualFiles: 15_000 },
  success_rate: { policy: 'Daily', good: 5, runs: 12 },
  proof_failed: { proof: 'test_restore', reason: '3 files differ from what was backed up.' },
  proof_overdue: { proof: 'check', lastPassed: noon - 40 * day, every: 30 * day },
  storage_filling: { free: 120e9, capacity: 2e12, fullAt: noon + 9 * day },
  clock_wrong: { ahead: -7 * minute, than: 'server' },
  certificate_ending: { endsAt: noon + 3 * day, ended: false },
  ledger_disagrees: { finding: 'missing', count: 4 },
  retention_held: { reason: '48,211 files were changed; usual are about 300' },
  server_superseded: { reason: 'the machine "SRV1" follows a later state of this server' },
  channel_broken: { reason: 'mail.example.com refuses user name and password: 535 no.', reader: 'Anna' },
  alerting_missing: {},
  alerting_dependent: { on: 'SRV1', how: 'machine' },
  outside_watch_missing: {},
  kit_not_stored: { state: 'confirm-again' },
  password_kept: {},
  account_reset: { by: 'Anna', usedAt: null },
  not_protected: {},
  copy_behind: { repository: 'SRV1', lastComplete: noon - 3 * day, reason: 'The folder /mnt/nas is not there.' },
  disks_overdue: { lastSeen: noon - 12 * day },
  tampering_not_refused: { by: 'writer' },
  approval_waits: { what: 'delete the machine "SRV1" with all its backups', by: 'Anna', happensAt: noon + 3 * day },
  client_attacked: {},
  own_backup_late: { lastComplete: noon - 2 * day, reason: 'The disk is full.' },
  own_backup_unusable: { why: 'no password' },
}

export function condition(
  kind: ConditionKind,
  changes: {
    readonly name?: string
    readonly severity?: Severity
    readonly since?: number
    readonly facts?: object
    readonly client?: ClientRef | null
    readonly type?: Subject['type']
  } = {},
): Condition {
  const { name = 'SRV1', severity = 'warning', since = noon - hour, facts, client = firm, type = 'machine' } = changes
  const subject: Subject = { type, id: name.toLowerCase(), name, client }
  return {
    key: `${kind}/${type}/${subject.id}`,
    kind,
    severity,
    subject,
    since,
    facts: { ...sampleFacts[kind], ...facts },
  } as Condition
}

/** What the rules would have found: `conditions` hold, and everything that is `watched` besides is well. */
export function found(
  conditions: readonly Condition[],
  {
    watched = [],
    unsure = [],
  }: { readonly watched?: readonly Condition[]; readonly unsure?: readonly Condition[] } = {},
): Findings {
  const keys = (list: readonly Condition[]) => list.map(({ key }) => key)
  return {
    conditions,
    watched: new Set(keys([...conditions, ...watched, ...unsure])),
    unsure: new Set(keys(unsure)),
    machines: { firm: 43 },
  }
}

interface Kept extends OutboxEntry {
  /** When it may be taken; null when it is settled. */
  due: number | null
  tries: number
}

/** Everything goes through JSON on its way in, as it would into a database. */
export class MemoryAlertStore implements AlertStore {
  readonly attempts: Attempt[] = []
  readonly #outbox = new Map<string, Kept>()
  #state = JSON.stringify(emptyAlertState())
  #revision = 0

  async load(): Promise<{ readonly state: AlertState; readonly revision: number }> {
    return { state: JSON.parse(this.#state) as AlertState, revision: this.#revision }
  }

  async save(
    { state, messages = [], attempts = [] }: AlertChange,
    { revision }: { readonly revision: number },
  ): Promise<boolean> {
    if (revision !== this.#revision) return false
    this.#revision++
    this.#state = JSON.stringify(state)
    for (const message of messages) {
      if (this.#outbox.has(message.id)) continue
      this.#outbox.set(message.id, {
        message: JSON.parse(JSON.stringify(message)) as Message,
        tries: 0,
        due: message.at,
      })
    }
    for (const attempt of attempts) {
      this.attempts.push(attempt)
      const kept = this.#outbox.get(attempt.message)
      if (kept) Object.assign(kept, { tries: kept.tries + 1, due: attempt.next })
    }
    return true
  }

  async claim({ now, horizon, until, limit }: ClaimOptions): Promise<readonly OutboxEntry[]> {
    const isDue = ({ due }: Kept) => due !== null && (due <= now || due > horizon)
    const due = [...this.#outbox.values()].filter(isDue).slice(0, limit)
    for (const kept of due) kept.due = until
    return due.map(({ message, tries }) => ({ message, tries }))
  }

  /** Messages that have neither arrived nor been given up. */
  get waiting(): readonly Message[] {
    return [...this.#outbox.values()].filter(({ due }) => due !== null).map(({ message }) => message)
  }

  get messages(): readonly Message[] {
    return [...this.#outbox.values()].map(({ message }) => message)
  }
}

/** One message about one failed backup, as it lies in the outbox. */
export function oneMessage(changes: Partial<Message> = {}): Message {
  const recipient = {
    person: 'anna',
    name: 'Anna',
    channel: 'c',
    address: 'anna@example.com',
    language: 'en',
    timeZone: 'UTC',
    namesClients: false,
  } as const
  const news = [
    { event: 'new', severity: 'critical', condition: condition('run_failed', { severity: 'critical' }) },
  ] as const
  return { id: '1-1', kind: 'alert', at: noon, recipient, severity: 'critical', news, groups: [], ...changes }
}

export const sender: Sender = { name: 'backup', url: 'https://backup.example.com' }

/** A key and a certificate that a test server shows, which is its own authority. */
export async function testCertificate(name: string): Promise<{ readonly key: string; readonly cert: string }> {
  const altNames = [{ type: 2 as const, value: name }]
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { key, cert }
}
