/**
 * Ready scripts for machines without our agent: stock restic on a schedule, its own credential, and the result reported. Made
 * from plain values; every value stays a value, whatever is in it.
 */
export { ScriptError, scriptErrors } from './errors.ts'
export { powershellScript } from './powershell-script.ts'
export { outcomeOf, scriptReport } from './report.ts'
export type { ScriptReport } from './report.ts'
export type { ScriptSchedule, ScriptSettings, Weekday } from './settings.ts'
export { shellScript } from './sh-script.ts'
export type { ShellSystem } from './sh-script.ts'
