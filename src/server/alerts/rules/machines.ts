/** Machines: silent for too long, with a wrong clock, or with nothing that is backed up. */
import { asReason, type Finding, finding, type Subject } from '../condition.ts'
import type { MachineView } from '../view.ts'
import { limits, unseenLimits } from './limits.ts'
import { isAway } from './runs.ts'

export function machineFindings(
  machine: MachineView,
  { now, isUnsure }: { readonly now: number; readonly isUnsure: boolean },
): Finding[] {
  const subject: Subject = { type: 'machine', id: machine.id, name: machine.name, client: machine.client }
  return [
    ...(isAway(machine, now) ? [] : [unseen(machine, subject, { now, isUnsure })]),
    ...clockFindings(machine.clockAhead, subject, now),
    usedByTwoFinding(machine, subject),
    unprotected(machine, subject, now),
  ]
}

/** A copy of the machine, or somebody who has its key: what is critical until a person knows which. */
function usedByTwoFinding({ usedByTwo }: MachineView, subject: Subject): Finding {
  const trouble =
    usedByTwo &&
    ({
      severity: 'critical',
      since: usedByTwo.since,
      facts: { agents: asReason(usedByTwo.agents.join(', ')) },
    } as const)
  return finding('machine_used_by_two', subject, { trouble: trouble ?? null })
}

/** PCs may well hold no data; what there is nevertheless its agent reports. Who has a server wants it backed up. */
function unprotected({ isUnprotected = false, enrolledAt, kind }: MachineView, subject: Subject, now: number): Finding {
  const isOpen = isUnprotected && now - enrolledAt > limits.unprotectedGrace
  const severity = kind === 'pc' || kind === 'laptop' ? 'notice' : 'warning'
  return finding('not_protected', subject, { trouble: isOpen ? { severity, since: now, facts: {} } : null })
}

function unseen(
  machine: MachineView,
  subject: Subject,
  { now, isUnsure }: { readonly now: number; readonly isUnsure: boolean },
): Finding {
  const { lastSeen, enrolledAt, awayUntil, kind, unseenLimit = unseenLimits[kind] } = machine
  const silentSince = Math.max(lastSeen ?? enrolledAt, awayUntil ?? 0)
  if (now - silentSince <= unseenLimit) return finding('machine_unseen', subject, { trouble: null })
  if (isUnsure) return finding('machine_unseen', subject, { trouble: 'unsure' })
  const severity = kind === 'server' ? 'critical' : 'warning'
  return finding('machine_unseen', subject, { trouble: { severity, since: silentSince, facts: { lastSeen } } })
}

function clockFindings(ahead: number | undefined, subject: Subject, now: number): Finding[] {
  if (ahead === undefined) return []
  const trouble =
    Math.abs(ahead) > limits.clock
      ? ({ severity: 'warning', since: now, facts: { ahead, than: 'server' } } as const)
      : null
  return [finding('clock_wrong', subject, { trouble })]
}
