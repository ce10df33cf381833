/**
 * The register, as pure values: what was measured, and what follows from it. No clock, no storage.
 *
 * Words: *evidence* is something that was measured or tried, with who or what did it, when, and until when it holds; a
 * *test restore* is a sample and gives a rate, a *trial* is a whole restore, timed; a *forecast* says how long a full restore
 * will take, as seconds from low to high with reasons, or that it is not known.
 */
export type {
  DiskEvidence,
  Evidence,
  LineEvidence,
  MeasuredDisk,
  MeasuredLine,
  MeasuredRestore,
  Reporter,
  RestoreEvidence,
  Route,
} from './evidence.ts'
export { compareWithLimit, forecastRestore } from './forecast.ts'
export type { Fit, Forecast, KnownForecast, RestoreMeasurements, RestoreTask, UnknownForecast } from './forecast.ts'
