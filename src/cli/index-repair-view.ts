import { messageOf, printable } from '#base'
import type { IndexFate, IndexRepairPlan } from '#repository'
import type { Printer } from './printer.ts'
import { count, shortId } from './words.ts'

/** What a repair of the index is going to do, as people read it. */

const verbs: Readonly<Record<IndexFate, string>> = {
  add: 'comes into the index',
  correct: 'is named anew',
  remove: 'leaves the index',
  undelete: 'comes back into the index',
  unreadable: 'stays as the index has it',
  unsteady: 'stays as the index has it',
}

/** Lines of a kind that are printed; with -v all. */
const mostLines = 20

export function printIndexPlan(printer: Printer, { damagedFiles, packs, flaky }: IndexRepairPlan): void {
  if (printer.isJson) return printPlanJson(printer, { damagedFiles, packs })
  for (const [name, error] of damagedFiles) {
    printer.say(`index ${shortId(name)} goes: ${printable(messageOf(error), 1000)}`)
  }
  for (const fate of Object.keys(verbs) as IndexFate[]) {
    const alike = packs.filter((pack) => pack.fate === fate)
    const isLeft = fate === 'unreadable' || fate === 'unsteady'
    const shown = isLeft || printer.verbosity >= 2 ? alike : alike.slice(0, mostLines)
    for (const { name, reason, blobs } of shown) {
      const what = blobs > 0 ? ` (${count(blobs, 'blob')})` : ''
      printer.say(`pack ${isLeft ? name : name.slice(0, 10)} ${verbs[fate]}${what}: ${printable(reason, 1000)}`)
    }
    if (alike.length > shown.length) printer.say(`  and ${alike.length - shown.length} more packs, for the same reason`)
  }
  for (const name of flaky) printer.error(`warning: the pack ${name} was right only when it was read again`)
  const unreadable = packs.filter(({ fate }) => fate === 'unreadable')
  if (unreadable.length > 0) {
    const names = unreadable.map(({ name }) => name).join(' ')
    printer.error(`What is intact in damaged packs can be saved: understudy repair packs ${names}`)
  }
}

function printPlanJson(
  printer: Printer,
  { damagedFiles, packs }: Pick<IndexRepairPlan, 'damagedFiles' | 'packs'>,
): void {
  for (const name of damagedFiles.keys()) printer.json({ message_type: 'index', id: name, fate: 'remove' })
  for (const { name, fate, reason, blobs } of packs)
    printer.json({ message_type: 'pack', id: name, fate, reason, blobs })
}
