import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printable } from '#base'
import { CliError } from '../errors.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { defaultThreads } from '../local-threads.ts'
import { cacheFolder, openForCommand } from '../open-repository.ts'
import { runChecks } from '../self-check/finding.ts'
import type { Check, Finding, Verdict } from '../self-check/finding.ts'
import { lineChecks } from '../self-check/line.ts'
import { machineChecks } from '../self-check/machine.ts'
import { roundTripCheck } from '../self-check/round-trip.ts'
import { count } from '../words.ts'

const text = `
Proves by measurement that this machine can make backups and bring them back: what it computes is compared with published
values, memory and folders are written and read, and a small backup is made, checked, restored and compared. When a
repository is named, it is written to, read and measured as well, with locks that hinder nobody; nothing stays behind.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy self-check', 'understudy -r rest:https://backup.example/nas/ self-check --json'],
    exitCodes: { 1: 'At least one of the checks failed.' },
  })
  runs(command, selfCheck)
}

async function selfCheck(context: CommandContext, args: readonly string[]): Promise<void> {
  if (args.length > 0) throw context.refuse('self-check takes no arguments')
  const { globals } = context
  const place = mkdtempSync(join(realpathSync(tmpdir()), 'understudy-self-check-'))
  const threads = defaultThreads()
  const tally: Record<Verdict, number> = { ok: 0, warning: 0, failed: 0 }
  const check = async (checks: readonly Check[]) => {
    for await (const finding of runChecks(checks, context)) {
      tally[finding.verdict]++
      print(context, finding)
    }
  }
  try {
    await check([
      ...machineChecks({ place, cacheFolder: cacheFolder(context), threads }),
      roundTripCheck({ place, threads }),
    ])
    if (globals.repo !== undefined || globals.repositoryFile !== undefined) {
      await using opened = await openForCommand(context)
      await check(lineChecks(opened.repository))
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
  printSummary(context, tally)
  if (tally.failed > 0) throw new CliError('SELF_CHECK_FAILED', { count: tally.failed })
}

const marks: Readonly<Record<Verdict, string>> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' }

function print({ printer }: CommandContext, finding: Finding): void {
  const { name, verdict, found, means, figures } = finding
  if (printer.isJson) return printer.json({ message_type: 'finding', name, verdict, found, means, figures })
  const line = `${marks[verdict]}  ${name}: ${printable(found, 4096)}`
  if (verdict === 'ok') printer.say(line)
  else printer.result(line)
  if (verdict === 'ok') printer.say(`         ${means}`)
  else printer.result(`         ${means}`)
}

function printSummary({ printer }: CommandContext, tally: Readonly<Record<Verdict, number>>): void {
  if (printer.isJson) return printer.json({ message_type: 'summary', ...tally })
  if (tally.failed > 0) return
  printer.say(
    tally.warning > 0
      ? `\nThis machine can make backups and bring them back, with ${count(tally.warning, 'warning')} to look at.`
      : '\nThis machine can make backups and bring them back.',
  )
}
