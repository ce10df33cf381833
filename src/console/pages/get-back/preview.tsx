import { Button, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { FoundFile, FoundVersion, Preview } from '#protocol'
import { previewFile } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { useAction } from '../../api/queries.ts'
import { Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { nameOf } from './found-names.ts'
import styles from './get-back.module.css'
import { getBackWords } from './words.ts'

interface PreviewProps {
  readonly file: FoundFile
  readonly version: FoundVersion
}

/** What a version holds, once it was said why it is looked at. */
export function PreviewOf({ file, version }: PreviewProps) {
  const words = useWords(getBackWords)
  const looks = useAction(previewFile)
  return (
    <Section title={words.preview}>
      {!looks.data && (
        <form
          className={styles.search}
          onSubmit={(event) => {
            event.preventDefault()
            const reason = new FormData(event.currentTarget).get('reason')
            looks.mutate({
              params: { machine: file.machine, snapshot: version.last.snapshot },
              body: { rawPath: file.rawPath, reason: typeof reason === 'string' ? reason : '' },
            })
          }}
        >
          <TextInput
            name="reason"
            label={words.reason}
            description={words.reasonHint}
            required
            minLength={5}
            maxLength={500}
            className={styles.words ?? ''}
          />
          <Button type="submit" variant="default" loading={looks.isPending}>
            {words.look}
          </Button>
        </form>
      )}
      {looks.error && <Failure of={looks.error} />}
      {looks.data && <Shown answer={looks.data} name={nameOf(file.path)} />}
    </Section>
  )
}

/** All of it is text or an image of a known type: nothing in it is markup, and nothing runs. */
function Shown({ answer, name }: { readonly answer: AnswerOf<typeof previewFile>; readonly name: string }) {
  const words = useWords(getBackWords)
  const { preview, image } = answer
  switch (preview.kind) {
    case 'text':
      return (
        <>
          {preview.pages.map((page, at) => (
            // Pages have no name but their place.
            <pre key={`page ${String(at)}`} className={styles.preview}>
              {page}
            </pre>
          ))}
          {preview.isCutOff && <p>{words.cutOff}</p>}
        </>
      )
    case 'table':
      return <Sheets preview={preview} />
    case 'image':
      return <ImageOf contentType={preview.contentType} base64={image ?? ''} name={name} />
    case 'none':
      return (
        <p>
          {preview.reason} {preview.hint}
        </p>
      )
  }
}

function Sheets({ preview: { sheets, isCutOff } }: { readonly preview: Extract<Preview, { kind: 'table' }> }) {
  const words = useWords(getBackWords)
  return (
    <>
      {sheets.map(({ name, rows }) => (
        <div key={name} className={styles.sheet}>
          <b>{name}</b>
          <table>
            <tbody>
              {rows.map((row, at) => (
                <tr key={`row ${String(at)}`}>
                  {row.map((cell, column) => (
                    <td key={`cell ${String(column)}`}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
      {isCutOff && <p>{words.cutOff}</p>}
    </>
  )
}

interface ImageProps {
  readonly contentType: string
  readonly base64: string
  readonly name: string
}

function ImageOf({ contentType, base64, name }: ImageProps) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    const made = URL.createObjectURL(new Blob([bytes], { type: contentType }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [base64, contentType])
  return url === undefined ? null : <img className={styles.image} src={url} alt={name} />
}
