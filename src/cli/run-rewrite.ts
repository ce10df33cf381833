import { executeRewrite } from '#repository'
import type { HeldLock, PlannedRewrite, RewritePlan } from '#repository'
import type { CommandContext } from './context.ts'
import { count, shortId } from './words.ts'

/** What `rewrite` and `repair snapshots` have in common: they show what becomes of snapshots, and do it. */

/** Says what is planned for one snapshot. */
export function printPlanned(
  { printer }: Pick<CommandContext, 'printer'>,
  { fate, replacement, snapshot }: PlannedRewrite,
  forget: boolean,
): void {
  if (fate === 'keep') return printer.say('  stays as it is')
  if (fate === 'lost')
    return printer.say(
      forget ? '  is to be removed: nothing of it can be read' : '  cannot be mended: its root is lost',
    )
  printer.say('  a new snapshot is to be saved')
  if (replacement && replacement.time !== snapshot.time) printer.say(`  with the time ${replacement.time}`)
  if (replacement && replacement.hostname !== snapshot.hostname) printer.say(`  with the host ${replacement.hostname}`)
  if (forget) printer.say('  and then the original is to be removed')
}

export interface RewriteRun {
  readonly dryRun: boolean
  readonly lock: HeldLock | undefined
}

/** Carries the plan out unless this is a dry run, and says what was done. */
export async function runRewrite(
  { printer, signal, globals }: CommandContext,
  plan: RewritePlan,
  { dryRun, lock }: RewriteRun,
): Promise<void> {
  const { forget } = plan.request
  const changed = plan.snapshots.filter(({ fate }) => fate === 'replace' || (fate === 'lost' && forget)).length
  printer.say('')
  if (!dryRun && lock && !plan.isEmpty) {
    await executeRewrite(plan, {
      lock,
      packSize: globals.packSize,
      signal,
      onSaved: ({ id: original }, id, isNew) => {
        printer.say(isNew ? `saved new snapshot ${shortId(id)}` : `snapshot ${shortId(id)} is there already`)
        if (printer.isJson) printer.json({ message_type: 'changed', old_snapshot_id: original, new_snapshot_id: id })
      },
      onForgotten: ({ id }) => {
        printer.say(`removed old snapshot ${shortId(id)}`)
        if (printer.isJson) printer.json({ message_type: 'removed', snapshot_id: id })
      },
    })
  }
  const would = dryRun ? 'would be modified' : 'were modified'
  if (changed === 0) printer.say(`no snapshots ${would}`)
  else printer.say(dryRun ? `would modify ${count(changed, 'snapshot')}` : `modified ${count(changed, 'snapshot')}`)
  if (printer.isJson) printer.json({ message_type: 'summary', dry_run: dryRun, changed_snapshots: changed })
}
