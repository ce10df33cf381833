import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { printable, programFolder } from '#base'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import { chooseFolder } from '../demo/choose-folder.ts'
import { tellStory } from '../demo/story.ts'
import { defaultThreads } from '../local-threads.ts'

const text = `
Shows Understudy at work on real files of this machine. It backs a folder up into a new repository in a temporary place,
restores it, spoils, deletes and "encrypts" files of the copy, backs up again, shows the versions of one of them, brings
the old one back, restores everything elsewhere, compares every byte and all metadata, and checks the repository; where
restic is installed, restic checks it too. The folder itself is only read. Without one, a folder that most machines have
is taken.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy demo', 'understudy demo ~/Documents', 'understudy demo --keep /etc'],
  })
  command.argument('[folder]', 'the folder to protect')
  command.addOption(flag('--keep', 'keep the repository and the restored files'))
  runs(command, async ({ printer, signal }, [folder], { keep = false }) => {
    const start = performance.now()
    const chosen = realpathSync(resolve(folder ?? chooseFolder(programFolder)))
    const place = mkdtempSync(join(realpathSync(tmpdir()), 'understudy-demo-'))
    printer.say(`Understudy protects ${printable(chosen)}. Everything that this makes lies in ${place}.`)
    try {
      await tellStory({ folder: chosen, place, threads: defaultThreads(), say: (line) => printer.say(line), signal })
    } finally {
      if (keep !== true) rmSync(place, { recursive: true, force: true })
    }
    printer.say(`\nEverything came back, complete. It took ${((performance.now() - start) / 1000).toFixed(0)} seconds.`)
    printer.say(
      keep === true ? `The repository and the files are in ${place}.` : 'What this made has been removed again.',
    )
  })
}
