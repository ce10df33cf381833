import { Link } from '@tanstack/react-router'
import { Page } from '../parts/page.tsx'
import { useWords } from '../words/locale.ts'
import { shellWords } from './words.ts'

export function NotFound() {
  const { notFoundTitle, notFoundHint, toHome } = useWords(shellWords)
  return (
    <Page about="404" headline={notFoundTitle} lead={notFoundHint}>
      <Link to="/">{toHome}</Link>
    </Page>
  )
}
