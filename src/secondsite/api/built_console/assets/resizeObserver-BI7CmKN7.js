<<<<<<<< HEAD:src/secondsite/api/built_console/assets/resizeObserver-BI7CmKN7.js
import{K as e}from"./state-lOcFFCre.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
========
import{K as e}from"./state-D7u6l-si.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
>>>>>>>> cf17d07ba (The cancellation of a job is of the run of it that was read):src/secondsite/api/built_console/assets/resizeObserver-mnJ7Vukj.js
