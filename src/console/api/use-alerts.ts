import { useLocale } from '../words/locale.ts'
import { listAlerts } from './calls.ts'
import { useAnswer } from './queries.ts'

/** What is not as it should be, in the language and the time zone of who reads. */
export function useAlerts() {
  const { language } = useLocale()
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return useAnswer(listAlerts, { query: { language, timeZone } })
}
