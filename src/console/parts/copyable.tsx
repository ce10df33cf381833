import { Button } from '@mantine/core'
import { useState } from 'react'
import { commonWords } from '../words/common.ts'
import { useWords } from '../words/locale.ts'
import styles from './copyable.module.css'

/** Milliseconds for which it is said that it was copied. */
const said = 2_000

/** What is typed or sent elsewhere: a line, an id. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  const { copy, copied } = useWords(commonWords)
  const [isCopied, setCopied] = useState(false)
  const copyNow = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), said)
  }
  return (
    <div className={styles.copyable}>
      <code aria-label={label}>{text}</code>
      <Button variant="default" size="compact-sm" onClick={() => void copyNow()}>
        {isCopied ? copied : copy}
      </Button>
    </div>
  )
}
