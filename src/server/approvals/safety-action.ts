import { safetySettingsSchema } from '#protocol'
import { approvalAction } from './action.ts'
import { writeSafety } from './settings.ts'

export const lessSafetyAction = approvalAction({
  name: 'settings.safety',
  details: safetySettingsSchema,
  describe: ({ delayHours, softDeleteDays }) =>
    `let more be removed, or sooner: a delay of ${delayHours} hours, ${softDeleteDays} days to put back`,
  async perform(settings, { transaction }) {
    await writeSafety(transaction, settings)
  },
})
