import { median } from '../figures.ts'
import type { UploadFigures, UploadRound, UploadWork } from './uploads.ts'

/** What uploads took, in lines for people. */
export function reportUploads(
  { backups, backupBytes, atOnce }: UploadWork,
  { ours, restServer, bytes, requests }: UploadFigures,
): string[] {
  const rates = (turns: readonly UploadRound[]) =>
    [
      `${(bytes / 1e6 / secondsOf(turns)).toFixed(0)} MB/s`,
      `${(requests / secondsOf(turns)).toFixed(0)} requests/s`,
      `${processorOf(turns).toFixed(2)} processor seconds`,
    ].join(', ')
  const ratios = ours.map((turn, i) => (restServer[i]?.seconds ?? Number.NaN) / turn.seconds)
  const [ratio, least, most] = [secondsOf(restServer) / secondsOf(ours), Math.min(...ratios), Math.max(...ratios)]
  const processor = processorOf(restServer) / processorOf(ours)
  return [
    `${backups} backups of ${backupBytes / 1e6} MB, ${atOnce} at once, median of ${ours.length} rounds:`,
    `  Understudy   ${rates(ours)}`,
    `  rest-server  ${rates(restServer)}`,
    `  ratio        ${ratio.toFixed(2)}, of single rounds ${least.toFixed(2)} to ${most.toFixed(2)}; ${processor.toFixed(2)} of processor time (above 1: Understudy is faster)`,
  ]
}

function secondsOf(turns: readonly UploadRound[]): number {
  return median(turns.map(({ seconds }) => seconds))
}

function processorOf(turns: readonly UploadRound[]): number {
  return median(turns.map(({ processor }) => processor))
}
