/** The rules, over everything that is watched. Pure: the same view at the same time gives the same findings. */
import type { Condition, Finding } from './condition.ts'
import { accountFindings } from './rules/accounts.ts'
import { alertingFindings } from './rules/alerting.ts'
import { approvalFindings, attackFindings } from './rules/approvals.ts'
import { copyFindings, diskFindings, tamperFindings } from './rules/copies.ts'
import { kitFindings } from './rules/kits.ts'
import { limits } from './rules/limits.ts'
import { machineFindings } from './rules/machines.ts'
import { ownBackupFindings } from './rules/own-backup.ts'
import { proofFindings } from './rules/proofs.ts'
import { runFindings } from './rules/runs.ts'
import { storageFindings } from './rules/storage.ts'
import { certificateFindings, repositoryFindings, serverFindings } from './rules/trust.ts'
import type { AlertView } from './view.ts'

export interface Findings {
  /** What holds now; each key once. */
  readonly conditions: readonly Condition[]
  /**
   * The keys of everything that was looked at. A condition that no longer holds is over only when its key is here: else
   * nobody looks any more (the machine was removed, its policy switched off), and "it works again" would be a lie.
   */
  readonly watched: ReadonlySet<string>
  /** The keys of what cannot be told just now: it is taken to be as it was. */
  readonly unsure: ReadonlySet<string>
  /** How many machines are watched, by client. */
  readonly machines: Readonly<Record<string, number>>
}

/** Every condition that holds at `now`. */
export function findConditions(view: AlertView, now: number): Findings {
  const findings = new Map(allFindings(view, now).map((found) => [found.key, found]))
  const conditions: Condition[] = []
  const unsure = new Set<string>()
  for (const { key, condition } of findings.values()) {
    if (condition === 'unsure') unsure.add(key)
    else if (condition) conditions.push(condition)
  }
  return { conditions, watched: new Set(findings.keys()), unsure, machines: countMachines(view) }
}

function allFindings(view: AlertView, now: number): Finding[] {
  const machines = new Map(view.machines.map((machine) => [machine.id, machine]))
  const { lookingSince } = view.server
  // Who was away has heard from nobody: that a machine was silent meanwhile is not known.
  const isUnsure = lookingSince !== undefined && now - lookingSince < limits.lookAgain
  return [
    ...view.machines.flatMap((machine) => machineFindings(machine, { now, isUnsure })),
    ...view.protections.flatMap((protection) => {
      const machine = machines.get(protection.machine)
      return machine ? runFindings(protection, machine, { now, isUnsure }) : []
    }),
    ...view.proofs.flatMap((proof) => proofFindings(proof, now)),
    ...view.storages.flatMap((storage) => storageFindings(storage, now)),
    ...view.certificates.flatMap((certificate) => certificateFindings(certificate, now)),
    ...view.repositories.flatMap(repositoryFindings),
    ...view.kits.flatMap((kit) => kitFindings(kit, now)),
    ...view.copies.flatMap((copy) => copyFindings(copy, now)),
    ...view.disks.flatMap((disks) => diskFindings(disks, now)),
    ...view.tampering.flatMap(tamperFindings),
    ...view.approvals.flatMap((approval) => approvalFindings(approval, view.server)),
    ...view.attacks.flatMap(attackFindings),
    ...view.accounts.flatMap((account) => accountFindings(account, now)),
    ...serverFindings(view.server, now),
    ...ownBackupFindings(view.server, now),
    ...alertingFindings(view, now),
  ]
}

function countMachines({ machines }: AlertView): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const { client } of machines) counts.set(client.id, (counts.get(client.id) ?? 0) + 1)
  return Object.fromEntries(counts)
}
