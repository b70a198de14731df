import './style/tokens.css'
import './style/base.css'
import './style/inputs.css'
import './style/controls.css'
import './style/layout.css'
import './style/banner.css'
import './style/popup.css'
import './style/cells.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'
import { recallDensity } from './lib/density.ts'
import { noteScrollbarRoom } from './lib/scrollbar-room.ts'

const container = document.querySelector('#app')
if (container === null) throw new Error('index.html has no #app')
recallDensity()
noteScrollbarRoom()
createRoot(container).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
