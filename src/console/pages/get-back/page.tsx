import { useState } from 'react'
import type { FoundFile, FoundVersion } from '#protocol'
import { Page } from '../../parts/page.tsx'
import { useWords } from '../../words/locale.ts'
import { nameOf } from './found-names.ts'
import { RestoreProgress } from './restore-progress.tsx'
import { Search } from './search.tsx'
import { Versions } from './versions.tsx'
import { WhereTo } from './where-to.tsx'
import { getBackWords } from './words.ts'

/** Search → version → where to → this will happen → progress → was it the right one? One step at a time, and back. */
export function GetBackPage() {
  const words = useWords(getBackWords)
  const [file, setFile] = useState<FoundFile>()
  const [version, setVersion] = useState<FoundVersion>()
  const [operation, setOperation] = useState<string>()
  if (!file) {
    return (
      <Page about={words.about} headline={words.headline} lead={words.lead}>
        <Search onChoose={setFile} />
      </Page>
    )
  }
  if (!version) {
    return (
      <Page about={words.about} headline={words.whichVersion} lead={file.path}>
        <Versions file={file} onTake={setVersion} onBack={() => setFile(undefined)} />
      </Page>
    )
  }
  const chooseOther = () => {
    setVersion(undefined)
    setOperation(undefined)
  }
  if (operation !== undefined) {
    return (
      <Page about={words.about} headline={words.ordered} lead={nameOf(file.path)}>
        <RestoreProgress operation={operation} onOther={chooseOther} />
      </Page>
    )
  }
  return (
    <Page about={words.about} headline={words.whereTo} lead={nameOf(file.path)}>
      <WhereTo file={file} version={version} onOther={chooseOther} onOrdered={setOperation} />
    </Page>
  )
}
