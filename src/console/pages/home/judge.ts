import type { alertSchema, clientSchema, MachineGlance, machineSchema } from '#protocol'
import type { z } from 'zod'
import type { StatusKind } from '../../parts/status-kind.ts'

export type Machine = z.output<typeof machineSchema>
export type Alert = z.output<typeof alertSchema>
export type Client = z.output<typeof clientSchema>

/** Why a machine is as it is. */
export type Because =
  | { readonly kind: 'alert'; readonly alert: Alert }
  | { readonly kind: 'waiting' | 'no policy' | 'no backup' | 'old backup' | 'never proven' | 'old proof' | 'good' }

export interface JudgedMachine {
  readonly machine: Machine
  readonly glance: MachineGlance | undefined
  readonly is: StatusKind
  readonly because: Because
}

/** A backup that is older is looked at even where nothing else complains, in milliseconds. */
const longWithoutBackup = 31 * 86_400_000
/** A proof that is older proves nothing of today's data, in milliseconds. */
const longWithoutProof = 92 * 86_400_000

const { compare: byName } = new Intl.Collator(undefined, { numeric: true })

const weights: Readonly<Record<StatusKind, number>> = { bad: 0, look: 1, unknown: 2, good: 3 }

interface Known {
  readonly machines: readonly Machine[]
  readonly glances: readonly MachineGlance[]
  readonly alerts: readonly Alert[]
}

/** All machines that are in use, worst first: nothing is called good that is not backed up, and proven to come back. */
export function judgeMachines({ machines, glances, alerts }: Known, now: number): readonly JudgedMachine[] {
  const glanceOf = new Map(glances.map((glance) => [glance.machineId, glance]))
  const alertsOf = Map.groupBy(
    alerts.filter(({ subject: { type }, severity }) => type === 'machine' && severity !== 'notice'),
    ({ subject: { id } }) => id,
  )
  return machines
    .filter(({ state }) => state !== 'revoked')
    .map((machine) => {
      const glance = glanceOf.get(machine.id)
      return { machine, glance, ...judge(machine, { glance, alert: alertsOf.get(machine.id)?.[0], now }) }
    })
    .toSorted((a, b) => weights[a.is] - weights[b.is] || byName(a.machine.name, b.machine.name))
}

interface About {
  readonly glance: MachineGlance | undefined
  /** The worst of it: alerts come worst first. */
  readonly alert: Alert | undefined
  readonly now: number
}

function judge(
  { state }: Machine,
  { glance, alert, now }: About,
): { readonly is: StatusKind; readonly because: Because } {
  if (alert?.severity === 'critical') return { is: 'bad', because: { kind: 'alert', alert } }
  if (state === 'waiting') return { is: 'look', because: { kind: 'waiting' } }
  if (!glance) return { is: 'unknown', because: { kind: 'no backup' } }
  const { newestAt, provenAt, policies } = glance
  if (newestAt === null && policies === 0) return { is: 'bad', because: { kind: 'no policy' } }
  if (alert) return { is: 'look', because: { kind: 'alert', alert } }
  if (newestAt === null) return { is: 'unknown', because: { kind: 'no backup' } }
  if (now - Date.parse(newestAt) > longWithoutBackup) return { is: 'look', because: { kind: 'old backup' } }
  if (provenAt === null) return { is: 'unknown', because: { kind: 'never proven' } }
  if (now - Date.parse(provenAt) > longWithoutProof) return { is: 'unknown', because: { kind: 'old proof' } }
  return { is: 'good', because: { kind: 'good' } }
}

export interface JudgedClient {
  readonly client: Client
  /** As its worst machine. */
  readonly worst: JudgedMachine | undefined
  readonly machines: number
  readonly good: number
}

/** Clients as their worst machine is; one that may have been attacked before all others. */
export function judgeClients(clients: readonly Client[], judged: readonly JudgedMachine[]): readonly JudgedClient[] {
  const byClient = Map.groupBy(judged, ({ machine: { clientId } }) => clientId)
  const weigh = ({ client, worst }: JudgedClient) =>
    client.state === 'attacked' ? -1 : worst ? weights[worst.is] : weights.unknown
  return clients
    .map((client) => {
      const own = byClient.get(client.id) ?? []
      return { client, worst: own[0], machines: own.length, good: own.filter(({ is }) => is === 'good').length }
    })
    .toSorted((a, b) => weigh(a) - weigh(b) || byName(a.client.name, b.client.name))
}

/** The one thing to do next. */
export type NextThing =
  | { readonly kind: 'attacked'; readonly client: Client }
  | { readonly kind: 'first machine' }
  | { readonly kind: 'approve' | 'give a policy' | 'wait for the first backup' | 'prove'; readonly machine: Machine }
  | { readonly kind: 'alert'; readonly alert: Alert }
  | { readonly kind: 'second factor' }

/** What is worst is done first; what was taken on or silenced by a person is not asked for again. */
export function findNextThing({
  judged,
  alerts,
  clients,
  hasSecondFactor,
}: {
  readonly judged: readonly JudgedMachine[]
  readonly alerts: readonly Alert[]
  readonly clients: readonly Client[]
  readonly hasSecondFactor: boolean
}): NextThing | undefined {
  const attacked = clients.find(({ state }) => state === 'attacked')
  if (attacked) return { kind: 'attacked', client: attacked }
  const open = alerts.filter(({ acknowledged, muted }) => !acknowledged && !muted)
  const critical = open.find(({ severity }) => severity === 'critical')
  if (critical) return { kind: 'alert', alert: critical }
  if (judged.length === 0) return { kind: 'first machine' }
  const first = (...kinds: readonly Because['kind'][]) =>
    judged.find(({ because: { kind } }) => kinds.includes(kind))?.machine
  const [waiting, bare, empty] = [first('waiting'), first('no policy'), first('no backup')]
  if (waiting) return { kind: 'approve', machine: waiting }
  if (bare) return { kind: 'give a policy', machine: bare }
  if (empty) return { kind: 'wait for the first backup', machine: empty }
  const unproven = first('never proven', 'old proof')
  if (unproven) return { kind: 'prove', machine: unproven }
  if (!hasSecondFactor) return { kind: 'second factor' }
  const warning = open.find(({ severity }) => severity === 'warning')
  return warning && { kind: 'alert', alert: warning }
}
