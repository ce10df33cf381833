import { safetySettingsSchema } from '#protocol'
import { approvalAction } from './action.ts'
import { writeSafety } from './settings.ts'

export const lessSafetyAction = approvalAction({
  name: 'settings.safety',
  details: safetySettingsSchema,
  describe: ({ delayHours, softDeleteDays, mostSnapshots, mostBytes }) =>
    `let more be removed, or sooner: a delay of ${amount(delayHours, 'hour')}, ${amount(softDeleteDays, 'day')} to put back, ` +
    `at most ${percent(mostSnapshots)} of the snapshots and ${percent(mostBytes)} of the bytes in one run without a person`,
  async perform(settings, { transaction }) {
    await writeSafety(transaction, settings)
  },
})

function amount(number: number, unit: string): string {
  return `${number} ${number === 1 ? unit : `${unit}s`}`
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
